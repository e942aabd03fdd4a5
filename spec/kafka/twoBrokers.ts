import { execFile } from 'node:child_process'
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { env } from 'node:process'
import { promisify } from 'node:util'
import { runGuarded } from '../../lib/testing/guard.ts'
import { startKafka } from '../../lib/testing/index.ts'
import { jarFolder, kafkaJars } from '../../lib/testing/jars.ts'
import { findJava } from '../../lib/testing/java.ts'
import { brokerCommand, formatCommand, serverProperties } from '../../lib/testing/kafkaProperties.ts'
import { waitForBroker } from '../../lib/testing/kafkaReadiness.ts'
import { reservePorts } from '../../lib/testing/ports.ts'

const HOST = '127.0.0.1'
const LOWEST_JAVA = 17
const START_MS = 120_000

/** Both brokers have a replica of everything, and each coordinates some groups. */
const REPLICATED = {
  'offsets.topic.replication.factor': 2,
  'offsets.topic.num.partitions': 8,
  'default.replication.factor': 2,
  'min.insync.replicas': 1,
  // A broker that returns leads and coordinates again soon.
  'leader.imbalance.check.interval.seconds': 1,
  // A member that could not leave would be waited for until a spec fails.
  'group.consumer.session.timeout.ms': 120_000,
  'group.consumer.max.session.timeout.ms': 120_000,
}

/** A cluster of two brokers. The first one is also the controller. */
export interface TwoBrokers extends AsyncDisposable {
  readonly brokers: readonly string[]
  /** Shuts the broker with id 2 down, as in an upgrade. It hands its groups and partitions to the other one, and leaves. */
  shutSecondDown(): Promise<void>
  /** Lets the broker with id 2 hang: it keeps its connections and accepts new ones, but answers nothing. */
  suspendSecond(): void
  resumeSecond(): void
}

export async function startTwoBrokers(): Promise<TwoBrokers> {
  const first = await startKafka({ properties: REPLICATED })
  const [address = ''] = first.brokers
  const controllerPort = Number(address.split(':')[1]) + 1
  const meta = await readFile(join(dirname(first.log ?? ''), 'data', 'meta.properties'), 'utf8')
  const clusterId = /^cluster\.id=(.+)$/m.exec(meta)?.[1] ?? ''
  const java = (await findJava()).find(({ major = 0 }) => major >= LOWEST_JAVA)?.command ?? 'java'
  const jars = await jarFolder(env, undefined, kafkaJars)
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'second-broker-'))
  const ports = await reservePorts([HOST])
  const file = join(folder, 'server.properties')
  const properties = {
    ...REPLICATED,
    'process.roles': 'broker',
    'node.id': 2,
    'controller.quorum.voters': `1@${HOST}:${controllerPort}`,
    listeners: `PLAINTEXT://${HOST}:${ports.native}`,
  }
  const settings = { folder, port: ports.native, controllerPort, session_timeout_ms: 6_000, properties }
  await writeFile(file, serverProperties(settings))
  const [command = '', ...args] = formatCommand(java, jars, file, clusterId)
  await promisify(execFile)(command, args)
  const second = await runGuarded(brokerCommand(java, jars, file), join(folder, 'kafka.log'))
  await waitForBroker(HOST, ports.native, AbortSignal.timeout(START_MS))
  return {
    brokers: [address, `${HOST}:${ports.native}`],
    async shutSecondDown() {
      process.kill(second.pid, 'SIGTERM')
      await second.ended
    },
    suspendSecond: () => void process.kill(second.pid, 'SIGSTOP'),
    resumeSecond: () => void process.kill(second.pid, 'SIGCONT'),
    async [Symbol.asyncDispose]() {
      await second.end()
      await first.stop()
      ports.release()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
