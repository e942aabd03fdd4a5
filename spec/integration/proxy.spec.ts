import { Client, policies } from 'cassandra-driver'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { CqlProxy, type Fate } from '../proxy/cqlProxy.ts'
import { faultCodes } from '../proxy/frame.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('proxy_spec')

/** Ends a hang. On an idle machine nothing takes longer than a moment. */
const PATIENCE = { timeout: 20_000 }

describe('the CQL proxy', () => {
  let proxy: CqlProxy
  let client: Client
  let table: string
  let fates: Fate[] = []

  beforeAll(async () => {
    table = `${ks.name}.${await ks.table('id int PRIMARY KEY, l list<int>')}`
    proxy = await CqlProxy.start(inject('cassandra'))
    proxy.decide = () => fates.shift()
    client = new Client({
      contactPoints: [`${proxy.host}:${proxy.port}`],
      localDataCenter: inject('cassandra').localDataCenter,
      policies: {
        reconnection: new policies.reconnection.ConstantReconnectionPolicy(10),
        retry: new policies.retry.FallthroughRetryPolicy(),
      },
    })
    await client.connect()
    await client.execute(`SELECT * FROM ${table}`)
  })
  afterAll(async () => {
    await client?.shutdown()
    await proxy?.stop()
  })
  beforeEach(async () => {
    fates = []
    await ks.client.execute(`TRUNCATE ${table}`)
  })

  // The length of the list shows how often a write with the same timestamp was applied.
  const write = (options = {}) =>
    client.execute(`INSERT INTO ${table} (id, l) VALUES (?, ?) USING TIMESTAMP 1000`, [1, [7]], {
      prepare: true,
      ...options,
    })
  const applied = async () => {
    const [row] = await ks.select(`SELECT l FROM ${table} WHERE id = 1`)
    return (row?.['l'] as number[] | undefined)?.length ?? 0
  }

  it('lets a write and its answer pass', async () => {
    await write()
    expect(await applied()).toBe(1)
    expect(proxy.unanswered).toBe(0)
  })

  it('applies a write whose acknowledgement it loses with the connection', async () => {
    fates = [{ answer: 'close' }]
    await expect(write()).rejects.toMatchObject({ isSocketError: true })
    expect(await applied()).toBe(1)
    const isBack = () =>
      write().then(
        () => true,
        () => false,
      )
    await expect.poll(isBack, PATIENCE).toBe(true)
    expect(await applied()).toBe(2)
  })

  it('applies a write and gives the client no answer until its timeout', async () => {
    fates = [{ answer: 'nothing' }]
    await expect(write({ readTimeout: 50 })).rejects.toThrow('did not reply')
    await expect.poll(applied, PATIENCE).toBe(1)
  })

  it.each(Object.entries(faultCodes))('answers %s instead of the server', async (_, code) => {
    fates = [{ delivery: 'never', answer: { code, message: 'not today' } }]
    await expect(write()).rejects.toMatchObject({ code })
    expect(await applied()).toBe(0)
  })

  it('answers with an error after the server has applied the write', async () => {
    fates = [{ answer: { code: faultCodes.writeTimeout, message: 'too slow' } }]
    await expect(write()).rejects.toMatchObject({ code: faultCodes.writeTimeout })
    expect(await applied()).toBe(1)
  })

  it('delivers a late write at deliverLate()', async () => {
    fates = [{ delivery: 'late', answer: { code: faultCodes.writeTimeout, message: 'too slow' } }]
    await expect(write()).rejects.toMatchObject({ code: faultCodes.writeTimeout })
    expect(await applied()).toBe(0)
    await proxy.deliverLate()
    expect(await applied()).toBe(1)
  })

  it('delivers a write a second time after a number of other writes', async () => {
    fates = [{ delivery: 'twice', after_writes: 1 }]
    await write()
    expect(await applied()).toBe(1)
    await write()
    await expect.poll(applied, PATIENCE).toBe(3)
  })

  it('delays answers', async () => {
    fates = [{ delay_ms: 60_000 }]
    const held = write()
    held.catch(() => {})
    await expect.poll(() => proxy.unanswered, PATIENCE).toBe(1)
    await expect.poll(applied, PATIENCE).toBe(1)
    proxy.closeConnections()
    await expect(held).rejects.toMatchObject({ isSocketError: true })
    expect(proxy.unanswered).toBe(0)
  })
})
