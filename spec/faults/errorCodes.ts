import { CqlProxy } from '../proxy/cqlProxy.ts'
import { type ServerError, serverErrors } from '../proxy/serverErrors.ts'
import { type Ending, type Fault, type Run, type Stage, Trial } from './fault.ts'

/** The sink's error code for each server error that no retry can fix. */
const permanent: Readonly<Record<number, string>> = {
  10: 'ERR_CASSANDRA_WRITE', // protocol error
  256: 'ERR_CASSANDRA_AUTH',
  5120: 'ERR_CASSANDRA_WRITE', // function failure
  8192: 'ERR_CASSANDRA_WRITE', // syntax error
  8448: 'ERR_CASSANDRA_UNAUTHORIZED',
  8960: 'ERR_CASSANDRA_WRITE', // config error
  9216: 'ERR_CASSANDRA_WRITE', // already exists
}

/** This error has a row to blame, and the load may continue without that row. */
const INVALID = 0x2200

/** With these errors the server may have applied the write. */
const mayBeApplied: ReadonlySet<number> = new Set([0, 0x1100, 0x1200, 0x1300, 0x1500, 0x1700])

/** For a fault without end. With less time, a busy machine alone could exceed it. */
const RETRY_TIMEOUT_MS = 8_000

/** Every error code instead of the answers to writes: once, five times, and then always. */
export const errorCodeFaults: readonly Fault[] = serverErrors.map(error => ({
  name: `${error.name} 0x${error.code.toString(16).padStart(4, '0').toUpperCase()}`,
  promise: promiseOf(error),
  run: stage => answerWith(stage, error, permanent[error.code] === undefined ? [1, 5] : []),
}))

/** Errors that end a load at once, with one or five of its requests in flight. */
export const rareErrorFaults: readonly Fault[] = serverErrors
  .filter(({ code }) => permanent[code] !== undefined)
  .flatMap(error =>
    [1, 5].map(times => ({
      name: `${error.name}, ${times} of the answers`,
      promise: promiseOf(error),
      run: (stage: Stage) => answerWith(stage, error, [], times),
    })),
  )

function promiseOf({ code }: ServerError): string {
  if (code === INVALID) return 'the error names the row to blame; all others are stored or reported'
  return permanent[code] === undefined
    ? 'sent again until `retry_timeout_ms`; then an error names the rows'
    : "ends at once with the server's reason"
}

function endingOf({ code, message }: ServerError): Pick<Ending, 'codes' | 'says'> {
  const words = new RegExp(message.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  if (code === INVALID) return { codes: ['ERR_CASSANDRA_ROW_REFUSED'], says: words }
  if (permanent[code] !== undefined) return { codes: [permanent[code]], says: words }
  return { codes: ['ERR_CASSANDRA_RETRY_TIMEOUT'] }
}

/**
 * @param passing numbers of errors after which the load continues
 * @param last number of errors at the end
 */
async function answerWith(
  stage: Stage,
  error: ServerError,
  passing: readonly number[],
  last = Number.POSITIVE_INFINITY,
): Promise<Run> {
  const { code, message, details } = error
  const proxy = await CqlProxy.start(stage.target)
  try {
    const options = { host: proxy.host, port: proxy.port, retry_timeout_ms: RETRY_TIMEOUT_MS }
    const trial = await Trial.begin(stage, options, { isToBlame: code === INVALID })
    await trial.goesOn(100)
    let [left, met, total] = [0, 0, 0]
    proxy.decide = ({ frame, index }) => {
      if (left === 0) return undefined
      left--
      met++
      total++
      const delivery = mayBeApplied.has(code) && index % 2 === 0 ? 'now' : 'never'
      return { delivery, answer: { code, message, details: details?.(frame) } }
    }
    const problems: string[] = []
    for (const times of passing) {
      left = times
      met = 0
      await trial.recovers()
      // A row that met an error is stored by then. If it also met the next errors, it would be to blame.
      await trial.load.sink.flush().catch(() => {})
      if (met !== times && !trial.load.sink.destroyed) problems.push(`met ${met} of ${times}`)
    }
    // A row on its way could meet only errors although a later one was stored, and would be blamed.
    const go = await trial.settles()
    left = last
    met = 0
    go()
    const run = await trial.end({ ...endingOf(error), problems })
    // The load may already have ended with a blamed row.
    const isMet = met > 0 || (code === INVALID && total > 0)
    return { ...run, problems: [...run.problems, ...(isMet ? [] : ['not met'])] }
  } finally {
    await proxy.stop()
  }
}
