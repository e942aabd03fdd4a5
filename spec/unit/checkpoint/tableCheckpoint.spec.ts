import { type Client, types } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { columnTypes } from '../../../lib/checkpoint/table/columns.ts'
import { openTableCheckpoint } from '../../../lib/checkpoint/table/tableCheckpoint.ts'
import { CheckpointError } from '../../../lib/index.ts'
import { FakeClient, type FakeColumn } from '../../fake/fakeClient.ts'
import { sealOf, target } from './epochs.ts'

const names = Object.keys(columnTypes).filter(name => name !== 'name')
const columns = Object.entries(columnTypes).map(
  ([name, type]): FakeColumn => ({ name, type, kind: name === 'name' ? 'partition_key' : 'regular' }),
)

type Row = Readonly<Record<string, unknown>>

/** Has one row of a checkpoint table, which it changes like a server. */
class CheckpointClient extends FakeClient {
  row: Row | undefined
  /** Whether changes are applied and their answers are lost. Reads then fail. */
  isLosing = false

  constructor() {
    super(columns)
  }

  override async execute(cql: string, binds: readonly unknown[], options: Row): Promise<{ rows: unknown[] }> {
    const isChange = /^(?:INSERT|UPDATE)/.test(cql)
    if (!isChange && !cql.includes('"shop"')) return super.execute(cql, binds, options)
    const answer = isChange ? this.change(cql, binds) : this.row && [this.row]
    if (this.isLosing) throw Object.assign(new Error('late'), { name: 'OperationTimedOutError' })
    return { rows: answer ?? [] }
  }

  private change(cql: string, binds: readonly unknown[]): Row[] {
    const isNew = cql.startsWith('INSERT')
    const [term, write_id] = binds.slice(-2)
    const isMet = isNew
      ? this.row === undefined
      : this.row?.['term'] === term && this.row?.['write_id'] === write_id
    if (!isMet) return [{ '[applied]': false, ...this.row }]
    const values = isNew ? binds.slice(1) : binds
    this.row = Object.fromEntries(names.map((name, i) => [name, values[i]]))
    return [{ '[applied]': true }]
  }
}

function scene() {
  const client = new CheckpointClient()
  const open = (token?: string, check?: () => void) =>
    openTableCheckpoint(
      { keyspace: 'shop', table: 'checkpoints', name: 'orders' },
      target,
      {
        connection: { client: client.asClient, close: async () => {} },
        consistency: 'LOCAL_QUORUM',
        limits: { request_timeout_ms: 50, retry_timeout_ms: 0 },
        token,
        check,
      },
      new AbortController().signal,
    )
  return { client, open }
}

const fenced = { code: 'ERR_CASSANDRA_FENCED' }

describe('the token of a checkpoint in a table', () => {
  it('names the last change, so that it is void after any other one', async () => {
    const { open } = scene()
    const first = await open()
    const early = first.token
    await first.seal(sealOf(0))
    await expect(open(early)).rejects.toMatchObject(fenced)
    const again = await open(first.token)
    await again.commit()
    await expect(open(first.token)).rejects.toMatchObject(fenced)
    expect((await open(again.token)).state.committed?.epoch_id).toBe(0)
  })

  it('is void after the row was removed, also for a new row with the same number of owners', async () => {
    const { client, open } = scene()
    const { token } = await open()
    client.row = undefined
    await expect(open(token)).rejects.toMatchObject(fenced)
    const next = await open()
    await expect(open(token)).rejects.toMatchObject(fenced)
    await next.seal(sealOf(0))
  })

  it('is valid after a change of unknown outcome', async () => {
    const { client, open } = scene()
    const first = await open()
    client.isLosing = true
    await expect(first.seal(sealOf(0))).rejects.toMatchObject({ code: 'ERR_CASSANDRA_CHECKPOINT_IO' })
    client.isLosing = false
    expect((await open(first.token)).state.sealed).toEqual(sealOf(0))
    await expect(open(first.token)).rejects.toMatchObject(fenced)
  })
})

it('a checkpoint in a table stays with its owner if another process finds a state that it cannot use', async () => {
  const { client, open } = scene()
  const owner = await open()
  await owner.seal(sealOf(0))
  const { row } = client
  const refused = new CheckpointError('ERR_CASSANDRA_CHECKPOINT_AHEAD', 'too far ahead')
  const check = () => {
    throw refused
  }
  await expect(open(undefined, check)).rejects.toBe(refused)
  expect(client.row).toEqual(row)
  await owner.commit()
})

/** A client that reaches a host in each of these datacenters. */
function clientIn(local: readonly string[], ignored: readonly string[]): Client {
  const client = new CheckpointClient()
  const hosts = [...local, ...ignored].map(datacenter => ({ datacenter, isUp: () => true }))
  const { local: near, ignored: far } = types.distance
  const getDistance = ({ datacenter }: { datacenter: string }) => (local.includes(datacenter) ? near : far)
  return Object.defineProperties(client.asClient, {
    hosts: { value: { length: hosts.length, values: () => hosts } },
    profileManager: { value: { getDefaultLoadBalancing: () => ({ getDistance }) } },
  })
}

it('a checkpoint in a table is not kept by local transactions in several datacenters', async () => {
  const open = (client: Client, consistency: 'LOCAL_QUORUM' | 'QUORUM') =>
    openTableCheckpoint(
      { keyspace: 'shop', table: 'checkpoints', name: 'orders' },
      target,
      {
        connection: { client, close: async () => {} },
        consistency,
        limits: { request_timeout_ms: 50, retry_timeout_ms: 0 },
        token: undefined,
      },
      new AbortController().signal,
    )
  await expect(open(clientIn(['dc2', 'dc1'], []), 'LOCAL_QUORUM')).rejects.toMatchObject({
    code: 'ERR_CASSANDRA_OPTION',
    option: 'consistency',
    message: expect.stringContaining('sends requests to several datacenters (dc1, dc2)'),
  })
  await open(clientIn(['dc2', 'dc1'], []), 'QUORUM')
  await open(clientIn(['dc1', 'dc1'], ['dc2']), 'LOCAL_QUORUM')
})
