import { setTimeout as delay } from 'node:timers/promises'
import { CqlProxy } from '../proxy/cqlProxy.ts'
import { faultCodes } from '../proxy/frame.ts'
import { type Fault, type Run, type Stage, Trial } from './fault.ts'

const CONCURRENCY = 30

/** Latency of a healthy node in milliseconds. Long compared with the delays of a busy machine. */
const CALM_MS = 100
const SLOW_MS = 2_000

/** Milliseconds for which the node is slow. */
const TROUBLE_MS = 6_000

/** Milliseconds within which half of the throughput must be back. */
const RECOVERY_MS = 10_000

/**
 * Highest number of requests per second while all are refused at once. Each request pauses longer from fault to fault, and a
 * failing replica set gets two requests at a time.
 */
const MOST_REFUSALS = 150

/** A node that answers slowly, or refuses everything. */
export const overloadFaults: readonly Fault[] = [
  {
    name: 'answers take 2 s',
    promise:
      'all rows stored; never more requests in flight than `concurrency`; half the throughput back within 10 s',
    run: stage => overloaded(stage, 15_000, CONCURRENCY),
  },
  {
    name: 'answers take 2 s, requests time out after 1 s',
    promise:
      'all rows stored; the number of requests in flight keeps falling; half the throughput back within 10 s',
    run: stage => overloaded(stage, 1_000, CONCURRENCY / 2),
  },
  {
    name: 'every write is answered by Overloaded for 6 s',
    promise: `all rows stored; at most ${MOST_REFUSALS} requests per second; half the throughput back within 10 s`,
    run: refused,
  },
]

/** @param most allowed number of requests in flight after the node has been slow for a while */
async function overloaded(stage: Stage, request_timeout_ms: number, most: number): Promise<Run> {
  const proxy = await CqlProxy.start(stage.target)
  try {
    const trial = await Trial.begin(
      stage,
      {
        host: proxy.host,
        port: proxy.port,
        concurrency: CONCURRENCY,
        batch_by: 'none',
        request_timeout_ms,
        // Connecting on a busy machine takes longer than the request timeout.
        wait_for_server_ms: 60_000,
        retry_timeout_ms: 120_000,
      },
      { pace: 10_000 },
    )
    await trial.goesOn(CONCURRENCY)
    proxy.latency_ms = CALM_MS
    await trial.goesOn(10 * CONCURRENCY)
    const before = await rateOf(trial)
    const { writes: atFirst } = proxy
    proxy.latency_ms = SLOW_MS
    await delay(TROUBLE_MS / 2)
    let unanswered = 0
    proxy.decide = () => {
      unanswered = Math.max(unanswered, proxy.unanswered)
      return undefined
    }
    const { writes } = proxy
    await delay(TROUBLE_MS / 2)
    const sent = proxy.writes - writes
    const met = proxy.writes - atFirst
    proxy.decide = () => undefined
    proxy.latency_ms = CALM_MS
    const rate = await rateAgain(trial, before / 2)
    // Upper bound for the requests in this time, if each waits for its answer or its time limit.
    const bound = (most * (TROUBLE_MS / 2)) / Math.min(SLOW_MS, request_timeout_ms) + most
    return await trial.end({
      codes: [undefined],
      problems: [
        unanswered > most && `${unanswered} requests at a time, at most ${most} expected`,
        sent > bound && `${sent} requests in ${TROUBLE_MS / 2} ms, at most ${bound} expected`,
        met === 0 && 'no request met the slow node',
        rate < before / 2 && `${rate} rows/s after the node is fast again, ${before} before`,
      ],
    })
  } finally {
    await proxy.stop()
  }
}

async function refused(stage: Stage): Promise<Run> {
  const proxy = await CqlProxy.start(stage.target)
  try {
    const options = {
      host: proxy.host,
      port: proxy.port,
      concurrency: CONCURRENCY,
      batch_by: 'none',
    } as const
    const trial = await Trial.begin(stage, { ...options, retry_timeout_ms: 120_000 }, { pace: 10_000 })
    await trial.goesOn(CONCURRENCY)
    proxy.latency_ms = CALM_MS
    await trial.goesOn(10 * CONCURRENCY)
    const before = await rateOf(trial)
    let met = 0
    proxy.decide = () => {
      met++
      return { delivery: 'never', answer: { code: faultCodes.overloaded, message: 'Server is overloaded' } }
    }
    // A refusal costs the node nothing, so it comes at once.
    proxy.latency_ms = 0
    const from = performance.now()
    await delay(TROUBLE_MS)
    const most = (MOST_REFUSALS * (performance.now() - from)) / 1000
    proxy.decide = () => undefined
    proxy.latency_ms = CALM_MS
    const rate = await rateAgain(trial, before / 2)
    return await trial.end({
      codes: [undefined],
      problems: [
        met === 0 && 'no request was refused',
        met > most && `${met} requests while all are refused, at most ${most} expected`,
        rate < before / 2 && `${rate} rows/s after the node accepts writes again, ${before} before`,
      ],
    })
  } finally {
    await proxy.stop()
  }
}

/** Resolves to the rows per second as soon as there are this many, or after the time for a recovery. */
async function rateAgain(trial: Trial, wanted: number): Promise<number> {
  const calm = performance.now()
  let rate = 0
  while (rate < wanted && performance.now() - calm < RECOVERY_MS) rate = await rateOf(trial)
  return rate
}

/** Rows per second, over half a second. */
async function rateOf(trial: Trial): Promise<number> {
  const { written } = trial
  await delay(500)
  return 2 * (trial.written - written)
}
