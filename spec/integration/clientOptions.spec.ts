import { once } from 'node:events'
import { createServer, connect as dial } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client, type ClientOptions, ExecutionProfile, policies, types } from 'cassandra-driver'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { type CassandraWritableOptions, createCassandraWritable } from '../../lib/index.ts'
import { CqlProxy } from '../proxy/cqlProxy.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('client_options_spec')
const { host, port, localDataCenter } = inject('cassandra')

async function load(table: string, options: Partial<CassandraWritableOptions>, rows: readonly object[]) {
  const { keyspace } = ks.target
  const reached = options.client === undefined ? { host, port } : {}
  await pipeline(Readable.from(rows), createCassandraWritable({ ...reached, keyspace, table, ...options }))
}

/** A client that the caller owns, with these options. */
function borrowed(options: Partial<ClientOptions>): Client {
  const client = new Client({ contactPoints: [`${host}:${port}`], localDataCenter, ...options })
  onTestFinished(() => client.shutdown())
  return client
}

const wide = Array.from({ length: 12 }, (_, i) => `c${i} int`).join(', ')
const wideRow = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`c${i}`, i]))

/** A retry policy that turns every failure into an empty answer. */
class Ignoring extends policies.retry.RetryPolicy {
  override onReadTimeout = ignore
  override onUnavailable = ignore
  override onWriteTimeout = ignore
  override onRequestError = ignore
}

function ignore(_info: unknown, consistency: types.consistencies): policies.retry.DecisionInfo {
  // RetryPolicy.retryDecision.ignore is missing in the driver's types.
  return { decision: 2, consistency }
}

class Past extends policies.timestampGeneration.MonotonicTimestampGenerator {
  constructor() {
    super(0, 0)
  }

  override getDate(): number {
    return 1
  }
}

/** Offers the same node again and again, so that speculative execution works with one node. */
class Repeating extends policies.loadBalancing.RoundRobinPolicy {
  override newQueryPlan(
    ...[keyspace, options, callback]: Parameters<policies.loadBalancing.LoadBalancingPolicy['newQueryPlan']>
  ): void {
    super.newQueryPlan(keyspace, options, (error, plan) => {
      const hosts = error ? [] : [...{ [Symbol.iterator]: () => plan }]
      callback(
        error,
        Array.from({ length: 6 }, () => hosts)
          .flat()
          .values(),
      )
    })
  }
}

const hasty = new policies.speculativeExecution.ConstantSpeculativeExecutionPolicy(1, 5)

const withDefaults: Readonly<Record<string, Partial<ClientOptions>>> = {
  'pages of 3 rows': { queryOptions: { fetchSize: 3 } },
  'pages of 3 rows that the driver fetches by itself': { queryOptions: { fetchSize: 3, autoPage: true } },
  'statements that are not prepared': { queryOptions: { prepare: false } },
  'a consistency for writes only': { queryOptions: { consistency: types.consistencies.any } },
  'a consistency that needs more nodes': { queryOptions: { consistency: types.consistencies.three } },
  'other encodings': { encoding: { useUndefinedAsUnset: false, copyBuffer: false, useBigIntAsLong: true } },
  'no metadata': { isMetadataSyncEnabled: false },
  'a trace of each request': { queryOptions: { traceQuery: true, captureStackTrace: true } },
  'a generator of timestamps from the past': {
    policies: { timestampGeneration: new Past() },
  },
}

describe.each(Object.entries(withDefaults))('%s', (_, own) => {
  it('of a borrowed client do not change what is stored', async () => {
    const table = await ks.table(`id int PRIMARY KEY, ${wide}`)
    await load(table, { client: borrowed(own) }, [{ id: 1, ...wideRow }, { id: 2 }])
    const rows = await ks.select(`SELECT * FROM ${ks.name}.${table}`)
    expect(rows.find(({ id }) => id === 1)).toEqual({ id: 1, ...wideRow })
    expect(rows.length).toBe(2)
  })
})

describe('client_options', () => {
  it('with pages of 3 rows do not truncate the schema', async () => {
    const table = await ks.table(`id int PRIMARY KEY, ${wide}`)
    await load(table, { client_options: { queryOptions: { fetchSize: 3 } } }, [{ id: 1, ...wideRow }])
    expect(await ks.select(`SELECT * FROM ${ks.name}.${table}`)).toEqual([{ id: 1, ...wideRow }])
  })

  it('with one request per connection do not stop a load', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const client_options = { pooling: { maxRequestsPerConnection: 1 } }
    await load(
      table,
      { client_options, batch_by: 'none' },
      Array.from({ length: 500 }, (_, id) => ({ id })),
    )
    expect(await ks.select(`SELECT count(*) AS n FROM ${ks.name}.${table}`)).toMatchObject([
      { n: types.Long.fromNumber(500) },
    ])
  })

  it('with a load balancing policy keep the other policies that a sink needs', async () => {
    const table = await ks.table('id int PRIMARY KEY, l list<int>')
    const loadBalancing = new policies.loadBalancing.RoundRobinPolicy()
    await load(table, { client_options: { policies: { loadBalancing } } }, [{ id: 1, l: [1] }])
    expect(await ks.select(`SELECT * FROM ${ks.name}.${table}`)).toEqual([{ id: 1, l: [1] }])
  })
})

describe('a default profile of a borrowed client', () => {
  it('changes neither the consistency nor the retries nor the time limit of a sink', async () => {
    const table = await ks.table(`id int PRIMARY KEY, ${wide}`)
    const profile = new ExecutionProfile('default', {
      consistency: types.consistencies.three,
      retry: new Ignoring(),
      readTimeout: 1,
    })
    const client = borrowed({ profiles: [profile] })
    await load(table, { client }, [{ id: 1, ...wideRow }])
    expect(await ks.select(`SELECT * FROM ${ks.name}.${table}`)).toEqual([{ id: 1, ...wideRow }])
  })
})

describe('a retry policy of a borrowed client that makes an answer of every failure', () => {
  it('does not make the sink report refused rows as written', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const client = borrowed({
      policies: { retry: new Ignoring() },
      queryOptions: { retry: new Ignoring(), isIdempotent: true },
    })
    const { keyspace } = ks.target
    const sink = createCassandraWritable({
      client,
      keyspace,
      table,
      consistency: 'THREE',
      retry_timeout_ms: 0,
    })
    await expect(pipeline(Readable.from([{ id: 1 }]), sink)).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_CONSISTENCY',
    })
    expect(sink.stats).toMatchObject({ rows_written: 0, rows_failed: 1 })
  })
})

describe('speculative execution of a borrowed client', () => {
  it('does not double a list, although every answer comes late enough to trigger it', async () => {
    const table = await ks.table('id int PRIMARY KEY, l list<int>')
    const proxy = await CqlProxy.start({ host, port })
    proxy.latency_ms = 20
    const client = borrowed({
      contactPoints: [`${proxy.host}:${proxy.port}`],
      protocolOptions: { port: proxy.port },
      policies: { speculativeExecution: hasty, loadBalancing: new Repeating() },
      queryOptions: { isIdempotent: true },
    })
    onTestFinished(() => proxy.stop())
    const rows = Array.from({ length: 50 }, (_, id) => ({ id, l: [id, id + 1] }))
    await load(table, { client, batch_by: 'none' }, rows)
    expect(proxy.writes).toBe(rows.length)
    for (const row of await ks.select(`SELECT * FROM ${ks.name}.${table}`)) {
      const id = row['id'] as number
      expect(row['l']).toEqual([id, id + 1])
    }
  })
})

describe('a keyspace of Cassandra itself', () => {
  it('is refused at once, but a keyspace with a similar name is written', async () => {
    const { keyspace: _, ...at } = ks.target
    expect(() => createCassandraWritable({ ...at, keyspace: 'system_auth', table: 'roles' })).toThrow(
      "`system_auth` is Cassandra's own",
    )
    const name = `systematic_${ks.name}`
    await ks.client.execute(
      `CREATE KEYSPACE ${name} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
    )
    onTestFinished(() => ks.client.execute(`DROP KEYSPACE ${name}`).then(() => {}))
    await ks.client.execute(`CREATE TABLE ${name}.t (id int PRIMARY KEY)`)
    await pipeline(Readable.from([{ id: 1 }]), createCassandraWritable({ ...at, keyspace: name, table: 't' }))
    expect(await ks.select(`SELECT * FROM ${name}.t`)).toEqual([{ id: 1 }])
  })
})

describe('a host', () => {
  it('may be followed by its port, with white space around it', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const { keyspace } = ks.target
    for (const [id, given] of [` ${host}:${port} `, [` ${host}:${port}`]].entries()) {
      await pipeline(Readable.from([{ id }]), createCassandraWritable({ host: given, keyspace, table }))
    }
    expect((await ks.select(`SELECT * FROM ${ks.name}.${table}`)).length).toBe(2)
  })

  it('may be an IPv6 address, with brackets or without', async context => {
    const server = createServer(near => {
      const far = dial(port, host)
      near.pipe(far).pipe(near)
      near.on('error', () => far.destroy())
      far.on('error', () => near.destroy())
    })
    const listening = once(server.listen(0, '::1'), 'listening').then(
      () => true,
      () => false,
    )
    onTestFinished(() => void server.close())
    if (!(await listening)) return context.skip('no IPv6 here')
    const address = server.address()
    const port6 = typeof address === 'object' ? address?.port : 0
    const table = await ks.table('id int PRIMARY KEY')
    const { keyspace } = ks.target
    for (const [id, given] of ['::1', '[::1]', `[::1]:${port6}`].entries()) {
      const at = { host: given, port: String(port6), keyspace, table }
      await pipeline(Readable.from([{ id }]), createCassandraWritable(at))
    }
    expect((await ks.select(`SELECT * FROM ${ks.name}.${table}`)).length).toBe(3)
  })
})
