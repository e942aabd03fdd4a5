import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'cassandra-driver'
import { integerBelow } from '../random.ts'
import { type Fault, type Run, type Stage, Trial } from './fault.ts'
import { DEFINITION } from './load.ts'

/** Milliseconds for a restart of the node on a busy machine. */
const RESTART_TIMEOUT_MS = 600_000

/** Changes of the table, and the shutdown of the caller's client, in the middle of a load. */
export const oneNodeFaults: readonly Fault[] = [
  { name: 'TRUNCATE', promise: 'every row given after it is stored', run: truncated },
  { name: 'DROP TABLE', promise: 'an error names every row that was not written', run: dropped },
  { name: 'DROP KEYSPACE', promise: 'an error names every row that was not written', run: keyspaceDropped },
  {
    name: 'DROP TABLE, CREATE TABLE with other types',
    promise: 'an error; no bytes under another type',
    run: recreated,
  },
  {
    name: 'DROP of a column that rows use',
    promise: 'an error names every row that was not written',
    run: stage => columnDropped(stage, index => ({ extra: index }), ['ERR_CASSANDRA_SCHEMA_CHANGED']),
  },
  {
    name: 'DROP of a column that no row uses',
    promise: 'all rows stored',
    run: stage => columnDropped(stage, () => ({}), [undefined]),
  },
  { name: 'ALTER TABLE ADD', promise: 'all rows stored, with the new column', run: columnAdded },
  { name: 'ALTER TYPE ADD', promise: 'all rows stored, with the new field', run: fieldAdded },
  {
    name: 'the `client` is shut down',
    promise: 'an error names every row that was not written',
    run: clientShutDown,
  },
]

/** Kills the node with SIGKILL several times within one load. */
export function kills(times: number): Fault {
  return {
    name: `node killed with SIGKILL and started again ${times} times`,
    promise: 'all rows stored',
    run: stage => killed(stage, times),
  }
}

/** The login of a role that is no superuser. */
export const loader = { username: 'loader', password: 'loader' }

/** Lets a role read and write the tables of the loads. */
export async function grantTo({ client, target }: Stage, { username }: typeof loader): Promise<void> {
  for (const permission of ['SELECT', 'MODIFY'])
    await client.execute(`GRANT ${permission} ON KEYSPACE ${target.keyspace} TO ${username}`)
}

/** Needs a node that asks for a login, and the role {@link loader}. */
export const revokedRole: Fault = {
  name: 'permission of the role revoked',
  promise: 'an error names every row that was not written',
  run: async stage => {
    await grantTo(stage, loader)
    const trial = await Trial.begin(stage, loader)
    await trial.goesOn(200)
    await stage.client.execute(`REVOKE MODIFY ON KEYSPACE ${stage.target.keyspace} FROM ${loader.username}`)
    return await trial.end({ codes: ['ERR_CASSANDRA_UNAUTHORIZED'], says: /MODIFY/ })
  },
}

async function killed(stage: Stage, times: number): Promise<Run> {
  const { cassandra, connect, random } = stage
  if (cassandra === undefined || connect === undefined) throw new Error('Expected a node that may be killed')
  const trial = await Trial.begin(stage, {
    retry_timeout_ms: RESTART_TIMEOUT_MS,
    request_timeout_ms: 10_000,
  })
  // With a kill, a plain client of the driver may end the process by an error that nobody can handle.
  await stage.client.shutdown()
  let calm = 0
  for (let time = 0; time < times; time++) {
    await trial.goesOn(100)
    await delay(integerBelow(500, random))
    const { retries } = trial.load.sink.stats
    await cassandra.kill(1)
    await cassandra.start(1)
    await trial.recovers()
    if (trial.load.sink.stats.retries === retries) calm++
  }
  const client = connect()
  const problems = [calm > 0 && `${calm} kills met no request`]
  return await trial.end({ codes: [undefined], problems }, client).finally(() => client.shutdown())
}

async function truncated(stage: Stage): Promise<Run> {
  const trial = await Trial.begin(stage)
  await trial.goesOn(200)
  await stage.client.execute(`TRUNCATE ${trial.table}`)
  const from = trial.load.given
  await trial.recovers()
  return await trial.end({ codes: [undefined], from })
}

async function dropped(stage: Stage): Promise<Run> {
  const trial = await Trial.begin(stage)
  await trial.goesOn(200)
  await stage.client.execute(`DROP TABLE ${trial.table}`)
  const from = trial.load.given
  await trial.load.ended
  // The comparison then reads an empty table.
  await stage.client.execute(`CREATE TABLE ${trial.table} (${DEFINITION})`)
  return await trial.end({ codes: ['ERR_CASSANDRA_SCHEMA_CHANGED'], from })
}

async function keyspaceDropped(stage: Stage): Promise<Run> {
  const keyspace = `${stage.target.keyspace}_${stage.random().toString(36).slice(2)}`
  const create = () =>
    stage.client.execute(
      `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
    )
  const drop = () => stage.client.execute(`DROP KEYSPACE ${keyspace}`)
  await create()
  const trial = await Trial.begin({ ...stage, target: { ...stage.target, keyspace } })
  await trial.goesOn(200)
  await drop()
  const from = trial.load.given
  await trial.load.ended
  // The comparison then reads an empty table.
  await create()
  await stage.client.execute(`CREATE TABLE ${trial.table} (${DEFINITION})`)
  return await trial.end({ codes: ['ERR_CASSANDRA_SCHEMA_CHANGED'], from }).finally(drop)
}

async function recreated(stage: Stage): Promise<Run> {
  const trial = await Trial.begin(stage)
  await trial.goesOn(200)
  await stage.client.execute(`DROP TABLE ${trial.table}`)
  // A value has the same number of bytes and another meaning.
  await stage.client.execute(`CREATE TABLE ${trial.table} (id int PRIMARY KEY, version float)`)
  return await trial.end({ codes: ['ERR_CASSANDRA_SCHEMA_CHANGED'], from: trial.load.given })
}

async function columnDropped(
  stage: Stage,
  more: (index: number) => object,
  codes: readonly (string | undefined)[],
): Promise<Run> {
  const trial = await Trial.begin(stage, {}, { definition: `${DEFINITION}, extra int`, more })
  await trial.goesOn(200)
  await stage.client.execute(`ALTER TABLE ${trial.table} DROP extra`)
  if (codes.includes(undefined)) await trial.recovers()
  else {
    await trial.load.ended
    // Until the column exists again, Cassandra cannot read a row in flight that has a value for it.
    await stage.client.execute(`ALTER TABLE ${trial.table} ADD extra int`)
  }
  return await trial.end({ codes, says: /extra/ })
}

async function columnAdded(stage: Stage): Promise<Run> {
  const trial = await Trial.begin(stage)
  await trial.goesOn(200)
  await stage.client.execute(`ALTER TABLE ${trial.table} ADD extra text`)
  const from = trial.load.given
  trial.load.more = index => ({ extra: `row ${index}` })
  await trial.recovers()
  return await trial.end({
    codes: [undefined],
    isRight: ({ version, extra }) => extra === (Number(version) < from ? null : `row ${version}`),
  })
}

async function fieldAdded(stage: Stage): Promise<Run> {
  const type = `${stage.target.keyspace}.place_${stage.random().toString(36).slice(2)}`
  await stage.client.execute(`CREATE TYPE ${type} (a int)`)
  const definition = `${DEFINITION}, frozen_place frozen<${type}>, place ${type}`
  const placesFrom = (from: number) => (version: number) => {
    const place = version < from ? { a: version } : { a: version, b: `row ${version}` }
    return { frozen_place: place, place }
  }
  const more = placesFrom(Number.POSITIVE_INFINITY)
  const trial = await Trial.begin(stage, {}, { definition, more })
  await trial.goesOn(200)
  await stage.client.execute(`ALTER TYPE ${type} ADD b text`)
  const from = trial.load.given
  trial.load.more = placesFrom(from)
  await trial.recovers()
  return await trial.end({
    codes: [undefined],
    isRight: stored => {
      const version = Number(stored['version'])
      return ['frozen_place', 'place'].every(name => {
        const { a, b } = stored[name] as { readonly a: unknown; readonly b?: unknown }
        return a === version && (version < from ? b == null : b === `row ${version}`)
      })
    },
  })
}

async function clientShutDown(stage: Stage): Promise<Run> {
  const { host, port } = stage.target
  const client = new Client({
    contactPoints: [`${host}:${port}`],
    localDataCenter: stage.localDataCenter,
  })
  const trial = await Trial.begin(stage, { client })
  await trial.goesOn(200)
  await client.shutdown()
  return await trial.end({ codes: ['ERR_CASSANDRA_WRITE'], says: /`client` was shut down/ })
}
