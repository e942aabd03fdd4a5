import { env } from 'node:process'
import { startBroker } from './broker.ts'
import { KafkaStartError } from './error.ts'
import { areJarsIn, fetchJars, jarFolder, kafkaJars } from './jars.ts'
import { findJava, findOnPath } from './java.ts'
import type { Kafka, KafkaOptions } from './kafka.ts'
import { waitForBroker } from './kafkaReadiness.ts'

/** The lowest Java that a broker of Kafka 4 runs on. */
const LOWEST_JAVA = 17

/** Longest time in milliseconds for the broker to answer. It should be running. */
const CONNECT_TIMEOUT_MS = 30_000

/**
 * Starts a real Kafka 4 with one broker for tests, demos and benchmarks. It comes from the first of these that is available:
 *
 * 1. the variable `KAFKA_BROKERS`, a comma-separated list of `address:port`, when no option is given. The broker is used
 *    as it is, and `stop()` leaves it running;
 * 2. Java 17 or newer and Maven. The first start fetches 43 MB into `$XDG_CACHE_HOME` (`~/.cache`), later ones reuse them.
 *
 * The port is 9092 if it is free, else another. Data are in a temporary folder. When your process ends, in whatever way, the
 * broker ends and the folder is removed. A running broker does not keep your process alive. The broker does not create topics
 * by itself: create them with a client.
 *
 * @throws KafkaStartError (code `ERR_KAFKA_START`) when neither is available; the message says what to install. Also when the
 * broker does not answer within 180 seconds; the message has the end of its log.
 * @throws RangeError when `session_timeout_ms` is not an integer of at least 1000.
 *
 * @example
 * await using kafka = await startKafka()
 * const admin = new Admin({ clientId: 'test', bootstrapBrokers: kafka.brokers })
 */
export async function startKafka(options: KafkaOptions = {}): Promise<Kafka> {
  const { session_timeout_ms = 6000, properties = {} } = options
  if (!Number.isInteger(session_timeout_ms) || session_timeout_ms < 1000) {
    throw new RangeError(
      `Expected \`session_timeout_ms\` to be an integer of at least 1000, got ${session_timeout_ms}`,
    )
  }
  const given = env['KAFKA_BROKERS']
  const isPlain = Object.values(options).every(option => option === undefined)
  if (isPlain && given !== undefined && given.trim() !== '') return await useBrokers(given)
  const jars = await jarFolder(env, undefined, kafkaJars)
  const isCached = await areJarsIn(jars)
  const java = (await findJava()).find(({ major }) => major !== undefined && major >= LOWEST_JAVA)
  const missing = []
  if (java === undefined) missing.push('install Java 17 or newer and put it on the PATH or in JAVA_HOME')
  if (!isCached && (await findOnPath('mvn')) === undefined) missing.push('install Maven 3.6 or later')
  if (java === undefined || missing.length > 0) {
    const choices = isPlain
      ? ['set KAFKA_BROKERS to a Kafka of yours, for example KAFKA_BROKERS=127.0.0.1:9092']
      : []
    const lines = [...choices, missing.join(' and ')].map(choice => `  - ${choice}`)
    throw new KafkaStartError(['Found no way to start a Kafka. Do one of these:', ...lines].join('\n'))
  }
  if (!isCached) {
    await fetchJars(jars, undefined, kafkaJars).catch((error: Error) => {
      throw new KafkaStartError(error.message, { cause: error })
    })
  }
  return await startBroker({ java: java.command, jars, session_timeout_ms, properties })
}

async function useBrokers(variable: string): Promise<Kafka> {
  const brokers = variable
    .split(',')
    .map(broker => broker.trim())
    .filter(Boolean)
  const [, host = '', port] = /^(.+):(\d+)$/.exec(brokers[0] ?? '') ?? []
  if (port === undefined) {
    throw new KafkaStartError(`Expected KAFKA_BROKERS to be a list like 127.0.0.1:9092, got ${variable}`)
  }
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  await waitForBroker(bare, Number(port), AbortSignal.timeout(CONNECT_TIMEOUT_MS)).catch(error => {
    const message = `KAFKA_BROKERS names ${brokers.join(', ')}, but no Kafka answers at the first`
    throw new KafkaStartError(message, { cause: error })
  })
  return {
    brokers,
    source: 'environment',
    stop: async () => {},
    [Symbol.asyncDispose]: async () => {},
    kill: notOurs,
    pause: notOurs,
    resume: notOurs,
    start: notOurs,
  }
}

function notOurs(): Promise<never> {
  return Promise.reject(
    new KafkaStartError(
      'A Kafka from KAFKA_BROKERS cannot be killed, paused, resumed or started here. To get one that can, unset the variable',
    ),
  )
}
