import { ClockProxy } from '../proxy/clockProxy.ts'
import { type Ending, type Fault, type Run, type Stage, Trial } from './fault.ts'
import { DISK_PERCENT, TIME_LIMIT } from './guardedNode.ts'
import { grantTo, loader } from './oneNode.ts'

const HOUR_MS = 3_600_000

/** More milliseconds than nodetool takes on a busy machine. */
const RETRY_TIMEOUT_MS = 200_000

/** Cassandra 5.0 applies the limits of write times only to single statements, not to those in a batch. */
const SINGLE = { ...loader, batch_by: 'none' } as const

const NAMES = 'an error names every row that was not written'

/** Guardrails that refuse every request of a load. They need a guarded node and the role {@link loader}. */
export const guardrailFaults: readonly Fault[] = [
  {
    name: 'guardrail `user_timestamps_enabled` switched off',
    promise: NAMES,
    run: timesForbidden,
  },
  {
    name: 'guardrail `minimum_timestamp_fail_threshold` lowered to a microsecond',
    promise: NAMES,
    run: timesTooEarly,
  },
  {
    name: 'guardrail `maximum_timestamp_fail_threshold` exceeded, since the clock of the cluster is ahead',
    promise: NAMES,
    run: clockAhead,
  },
  {
    name: 'guardrail `data_disk_usage_percentage_fail_threshold` exceeded for a while',
    promise: 'rows wait, and all are stored',
    run: diskFull,
  },
]

async function timesForbidden(stage: Stage): Promise<Run> {
  const set = (value: boolean) => setterOf(stage)('user_timestamps_enabled', value)
  await grantTo(stage, loader)
  const trial = await Trial.begin(stage, loader)
  await trial.goesOn(200)
  try {
    await set(false)
    return await trial.end(refusedBy('user_timestamps'))
  } finally {
    await set(true)
  }
}

async function timesTooEarly(stage: Stage): Promise<Run> {
  const set = (limit: string) => setterOf(stage)('minimum_timestamp_threshold', limit, 'null')
  await grantTo(stage, loader)
  const trial = await Trial.begin(stage, SINGLE)
  await trial.goesOn(200)
  try {
    await set('1us')
    return await trial.end(refusedBy('minimum_timestamp'))
  } finally {
    await set(TIME_LIMIT)
  }
}

/** The proxy shows the sink a clock that is ahead by more than the guardrail allows. */
async function clockAhead(stage: Stage): Promise<Run> {
  await grantTo(stage, loader)
  const proxy = await ClockProxy.start(stage.target)
  try {
    const { host, port } = proxy
    const trial = await Trial.begin(stage, {
      ...SINGLE,
      host,
      port,
      max_clock_skew_ms: 3 * HOUR_MS,
    })
    await trial.goesOn(200)
    proxy.offset_ms = 2 * HOUR_MS
    return await trial.end(refusedBy('maximum_timestamp'))
  } finally {
    await proxy.stop()
    // Otherwise the next sinks of this process would wait until the clock has caught up.
    Reflect.deleteProperty(globalThis, Symbol.for('cassandra-streams.clocks.1'))
  }
}

async function diskFull(stage: Stage): Promise<Run> {
  const set = (percent: number) => setterOf(stage)('data_disk_usage_percentage_threshold', percent, 'null')
  await grantTo(stage, loader)
  const trial = await Trial.begin(stage, { ...loader, retry_timeout_ms: RETRY_TIMEOUT_MS })
  await trial.goesOn(200)
  let stored = 0
  try {
    await set(DISK_PERCENT.full)
    // After so many, no request is left that was sent before.
    await trial.retries(10)
    const { written } = trial
    await trial.retries(10)
    stored = trial.written - written
  } finally {
    await set(DISK_PERCENT.calm)
  }
  await trial.recovers()
  return await trial.end({
    codes: [undefined],
    problems: [stored > 0 && `${stored} rows were written while the disk was full`],
  })
}

/** The error says which settings to change before it quotes the server. */
function refusedBy(guardrail: string): Ending {
  const advice = '(set `user_timestamps_enabled`|raise `minimum_timestamp_fail_threshold`).*in cassandra.yaml'
  return {
    codes: ['ERR_CASSANDRA_WRITE'],
    says: new RegExp(`${advice}.*Guardrail ${guardrail} violated`),
  }
}

function setterOf({ setGuardrail }: Stage): NonNullable<Stage['setGuardrail']> {
  if (setGuardrail === undefined) throw new Error('Expected a node with guardrails')
  return setGuardrail
}
