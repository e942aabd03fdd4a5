import type { Client, Host } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { readTable } from '../../../lib/table/readTable.ts'
import { defaultColumns, FakeClient, type FakeColumn } from '../../fake/fakeClient.ts'

/** The schema that one node reports. */
interface Node {
  readonly version: string
  readonly columns: readonly FakeColumn[]
  /** The node fails with this error instead of answering. */
  readonly error?: Error
  readonly isDown?: boolean
}

const without: readonly FakeColumn[] = []
const added: readonly FakeColumn[] = [...defaultColumns, { name: 'w', type: 'int' }]

/** A client of several nodes with possibly different schemas. Each read may change what the next one sees. */
function cluster(nodes: Node[], afterLook: (looks: number) => void = () => {}) {
  const asked: string[] = []
  const limits: (number | undefined)[] = []
  const hosts = nodes.map((_, i) => ({
    address: `127.0.0.${i + 1}:9042`,
    isUp: () => nodes[i]?.isDown !== true,
  })) as Host[]
  const connected = hosts.filter(host => host.isUp())
  const execute = async (
    cql: string,
    binds: string[],
    options: { readonly host: Host; readonly readTimeout?: number },
  ) => {
    const { address } = options.host
    limits.push(options.readTimeout)
    if (cql.includes('schema_version FROM system.local')) {
      asked.push(address)
      afterLook(asked.length)
    }
    const node = nodes[hosts.indexOf(options.host)] as Node
    if (node.error !== undefined) throw node.error
    if (cql.includes('schema_version FROM system.local')) return { rows: [{ schema_version: node.version }] }
    if (cql.includes('system.peers')) {
      const peers = nodes.filter(peer => peer !== node)
      return {
        rows: peers.map(peer => ({
          rpc_address: `127.0.0.${nodes.indexOf(peer) + 1}`,
          schema_version: peer.version,
        })),
      }
    }
    const fake = new FakeClient(node.columns)
    return fake.execute(cql, binds, { ...options })
  }
  const client = {
    execute,
    hosts: { values: () => hosts },
    getState: () => ({ getConnectedHosts: () => connected }),
  }
  const { signal } = new AbortController()
  const source = {
    client: client as unknown as Client,
    keyspace: 'ks',
    table: 't',
    timeout_ms: 10_000,
    signal,
  }
  return { source, asked, limits }
}

const names = ({ columns }: { readonly columns: readonly { readonly name: string }[] }) =>
  columns.map(({ name }) => name)

describe('a table that not every node knows', () => {
  it('is found at another node if the first one has an older schema', async () => {
    const { source } = cluster([
      { version: 'old', columns: without },
      { version: 'new', columns: defaultColumns },
    ])
    expect(names(await readTable(source))).toEqual(['id', 'v'])
  })

  it('is missing at once when all nodes agree', async () => {
    const { source, asked } = cluster([
      { version: 'one', columns: without },
      { version: 'one', columns: without },
    ])
    await expect(readTable(source)).rejects.toMatchObject({ code: 'ERR_CASSANDRA_TABLE_NOT_FOUND' })
    expect(new Set(asked).size).toBe(1)
  })

  it('is missing even if a node that is down has another schema', async () => {
    const { source, asked } = cluster([
      { version: 'one', columns: without },
      { version: 'old', columns: without, isDown: true },
    ])
    await expect(readTable(source)).rejects.toMatchObject({ code: 'ERR_CASSANDRA_TABLE_NOT_FOUND' })
    expect(new Set(asked).size).toBe(1)
  })

  it('is waited for until the nodes agree', async () => {
    const nodes: Node[] = [
      { version: 'old', columns: without },
      { version: 'new', columns: without },
    ]
    const { source } = cluster(nodes, looks => {
      if (looks === 7) nodes.fill({ version: 'new', columns: defaultColumns })
    })
    expect(names(await readTable(source))).toEqual(['id', 'v'])
  })

  it('is missing after the time limit if no node has it', async () => {
    const { source } = cluster([
      { version: 'old', columns: without },
      { version: 'new', columns: without },
    ])
    await expect(readTable({ ...source, timeout_ms: 300 })).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_TABLE_NOT_FOUND',
    })
  })

  it('is read again if the schema changed during the read', async () => {
    const nodes: Node[] = [{ version: 'old', columns: defaultColumns }]
    const { source } = cluster(nodes, looks => {
      if (looks === 2) nodes[0] = { version: 'new', columns: added }
    })
    expect(names(await readTable(source, () => false))).toEqual(['id', 'v', 'w'])
  })

  it('is read from another node if one does not answer', async () => {
    const error = Object.assign(new Error('no answer'), { name: 'OperationTimedOutError' })
    const { source } = cluster([
      { version: 'one', columns: defaultColumns, error },
      { version: 'one', columns: defaultColumns },
    ])
    expect(names(await readTable(source))).toEqual(['id', 'v'])
  })

  it('is asked for no longer of one node after many that failed at once', async () => {
    const leaving = new AbortController()
    const lost = Object.assign(new Error('lost'), { isSocketError: true })
    const { source, limits } = cluster([{ version: 'new', columns: added, error: lost }], looks => {
      if (looks === 6) leaving.abort(new Error('enough'))
    })
    await expect(readTable({ ...source, signal: leaving.signal })).rejects.toThrow('enough')
    expect(limits.length).toBeGreaterThan(5)
    expect(new Set(limits)).toEqual(new Set([2_000]))
  })

  it('is read from the node that has the wanted column if the nodes disagree', async () => {
    const { source } = cluster([
      { version: 'old', columns: defaultColumns },
      { version: 'new', columns: added },
    ])
    const hasNew = (found: Parameters<typeof names>[0]) => names(found).includes('w')
    expect(names(await readTable(source, hasNew))).toEqual(['id', 'v', 'w'])
  })

  describe('a table that is already known', () => {
    const known = async (nodes: Node[]) => readTable(cluster(nodes).source)

    it('is not described again while all nodes have the same schema version as then', async () => {
      const nodes: Node[] = [
        { version: 'one', columns: defaultColumns },
        { version: 'one', columns: defaultColumns },
      ]
      const before = await known(nodes)
      expect(before.version).toBe('one')
      // A description would now return these columns.
      nodes.fill({ version: 'one', columns: added })
      const { source, asked } = cluster(nodes)
      expect(await readTable(source, () => true, before)).toBe(before)
      expect(asked.length).toBe(1)
    })

    it.each([
      ['the node that is asked', ['two', 'one']],
      ['another node', ['one', 'two']],
    ])('is described again if %s has another version', async (_, versions) => {
      const before = await known([{ version: 'one', columns: defaultColumns }])
      const { source } = cluster(versions.map(version => ({ version, columns: added })))
      expect(names(await readTable(source, () => true, before))).toEqual(['id', 'v', 'w'])
    })

    it('is described again if its node reports no version, because then a change would not show', async () => {
      const unnamed = null as unknown as string
      const before = await known([{ version: unnamed, columns: defaultColumns }])
      const { source } = cluster([{ version: unnamed, columns: added }])
      expect(names(await readTable(source, () => true, before))).toEqual(['id', 'v', 'w'])
    })

    it('is described again if nodes did not agree then', async () => {
      const before = await known([
        { version: 'one', columns: defaultColumns },
        { version: 'two', columns: defaultColumns },
      ])
      expect(before.version).toBeUndefined()
      const { source } = cluster([{ version: 'one', columns: added }])
      expect(names(await readTable(source, () => true, before))).toEqual(['id', 'v', 'w'])
    })
  })

  it('fails with the missing permission, and says what to grant', async () => {
    const error = Object.assign(new Error('User x has no SELECT permission'), { code: 0x2100 })
    const { source } = cluster([{ version: 'one', columns: defaultColumns, error }])
    await expect(readTable(source)).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_UNAUTHORIZED',
      message: expect.stringContaining('system_schema'),
    })
  })

  it('fails at once when its signal aborts', async () => {
    const { source } = cluster([
      { version: 'old', columns: without },
      { version: 'new', columns: without },
    ])
    const abort = new AbortController()
    const reading = readTable({ ...source, signal: abort.signal })
    abort.abort()
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' })
  })
})
