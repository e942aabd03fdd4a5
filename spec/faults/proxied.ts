import { setTimeout as delay } from 'node:timers/promises'
import type { CassandraWritableOptions } from '../../lib/index.ts'
import { CqlProxy, type Fate } from '../proxy/cqlProxy.ts'
import { faultCodes } from '../proxy/frame.ts'
import { OutageProxy, type Weather } from '../proxy/outageProxy.ts'
import { integerBelow } from '../random.ts'
import { type Fault, type Run, type Stage, Trial } from './fault.ts'

/** Long enough for a busy node, so that only lost answers time out. */
const LIMITS = { request_timeout_ms: 3_000, retry_timeout_ms: 120_000 }

const writeTimeout = { code: faultCodes.writeTimeout, message: 'too slow' }

/** Faults of the network between a load and its node. */
export const proxiedFaults: readonly Fault[] = [
  {
    name: 'acknowledgement lost after the write was applied, connection closed',
    promise: 'all rows stored',
    run: stage => withFates(stage, 5, { answer: 'close' }),
  },
  {
    name: 'acknowledgement lost after the write was applied, connection silent',
    promise: 'all rows stored',
    run: stage => withFates(stage, 5, { answer: 'nothing' }),
  },
  {
    name: 'old request applied after newer ones',
    promise: 'the newest version of each row stays',
    run: stage => withFates(stage, 20, { delivery: 'late', answer: writeTimeout, after_writes: 8 }),
  },
  {
    name: 'request applied a second time after newer ones',
    promise: 'the newest version of each row stays',
    run: stage => withFates(stage, 20, { delivery: 'twice', after_writes: 8 }),
  },
  {
    name: 'connection ends inside a request frame',
    promise: 'all rows stored',
    run: stage => inWeather(stage, 'torn request', 5),
  },
  {
    name: 'connection ends inside an answer frame',
    promise: 'all rows stored',
    run: stage => inWeather(stage, 'torn answer', 5),
  },
  {
    name: 'connection reset inside a request frame',
    promise: 'all rows stored',
    run: stage => inWeather(stage, 'reset request', 5),
  },
  {
    name: 'connection reset inside an answer frame',
    promise: 'all rows stored',
    run: stage => inWeather(stage, 'reset answer', 5),
  },
  {
    name: 'half-open connection',
    promise: 'all rows stored',
    run: stage => inWeather(stage, 'half-open', 2),
  },
  {
    name: 'connection that accepts requests and returns no answers',
    promise: 'all rows stored',
    run: stage => inWeather(stage, 'mute', 1),
  },
  {
    name: 'every byte sent alone, in both directions',
    promise: 'all rows stored',
    run: stage => throughout(stage, 'sliced'),
  },
  {
    name: '200 ms of latency on everything',
    promise: 'all rows stored',
    run: stage => throughout(stage, 'slow', { pace: 500 }),
  },
]

/** Gives this fate to one write in three, until it has been given `times` times. */
async function withFates(stage: Stage, times: number, fate: Fate): Promise<Run> {
  const proxy = await CqlProxy.start(stage.target)
  try {
    const trial = await Trial.begin(stage, { host: proxy.host, port: proxy.port, ...LIMITS })
    await trial.goesOn(100)
    let met = 0
    proxy.decide = () => {
      if (met === times || integerBelow(3, stage.random) > 0) return undefined
      met++
      return fate
    }
    await trial.recovers()
    while (met < times && !trial.load.sink.destroyed) await trial.goesOn(10)
    await trial.recovers()
    await trial.load.stop()
    // Late writes that remain arrive after the end of the load.
    await proxy.deliverLate()
    return await trial.end({ codes: [undefined], problems: [met < times && `met ${met} of ${times}`] })
  } finally {
    await proxy.stop()
  }
}

/** Puts the open connections into this weather, several times. */
async function inWeather(stage: Stage, weather: Weather, times: number): Promise<Run> {
  return await withProxy(stage, {}, async (proxy, trial) => {
    const { accepted } = proxy
    for (let time = 0; time < times; time++) {
      proxy.strike(weather)
      await trial.recovers()
      await delay(integerBelow(100, stage.random))
    }
    const renewed = proxy.accepted - accepted
    return await trial.end({
      codes: [undefined],
      problems: [renewed < times && `${renewed} connections were renewed in ${times} faults`],
    })
  })
}

/** Runs a whole load in this weather. */
async function throughout(stage: Stage, weather: Weather, { pace = 200 } = {}): Promise<Run> {
  const limits: Partial<CassandraWritableOptions> = { request_timeout_ms: 30_000 }
  return await withProxy(stage, limits, async (proxy, trial) => {
    const { accepted } = proxy
    proxy.strike(weather)
    proxy.weather = weather
    await trial.recovers(2 * pace)
    const { retries } = trial.load.sink.stats
    return await trial.end({
      codes: [undefined],
      problems: [
        retries > 0 && `${retries} needless retries`,
        proxy.accepted > accepted && 'the connection did not hold',
      ],
    })
  })
}

async function withProxy(
  stage: Stage,
  options: Partial<CassandraWritableOptions>,
  act: (proxy: OutageProxy, trial: Trial) => Promise<Run>,
): Promise<Run> {
  const proxy = await OutageProxy.start(stage.target)
  try {
    const { port } = proxy
    const trial = await Trial.begin(stage, { host: '127.0.0.1', port, ...LIMITS, ...options })
    await trial.goesOn(100)
    return await act(proxy, trial)
  } finally {
    await proxy.stop()
  }
}
