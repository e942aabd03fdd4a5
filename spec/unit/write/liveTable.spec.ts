import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { FakeColumn } from '../../fake/fakeClient.ts'

/** Milliseconds of each wait. Waits pass at once. */
const waits: number[] = []
// Specs of one process share their modules: those of this one have a clock of their own.
vi.resetModules()
vi.doMock('node:timers/promises', () => ({
  setTimeout: async (milliseconds: number) => {
    waits.push(milliseconds)
    vi.advanceTimersByTime(milliseconds)
  },
}))
const { writeSettingsOf } = await import('../../../lib/options/settings.ts')
const { readTable } = await import('../../../lib/table/readTable.ts')
const { BadRow } = await import('../../../lib/write/badRow.ts')
const { DoubtfulRow } = await import('../../../lib/write/doubtfulRow.ts')
const { LiveTable } = await import('../../../lib/write/liveTable.ts')
const { defaultColumns, FakeClient } = await import('../../fake/fakeClient.ts')
afterAll(() => {
  vi.doUnmock('node:timers/promises')
  vi.resetModules()
})
beforeEach(() => {
  waits.length = 0
  vi.useFakeTimers()
  return () => vi.useRealTimers()
})

async function scene(options: { readonly on_bad_row?: () => void } = {}) {
  const client = new FakeClient()
  const settings = writeSettingsOf({ client: client.asClient, keyspace: 'ks', table: 't', ...options })
  const { signal } = new AbortController()
  const source = { client: client.asClient, keyspace: 'ks', table: 't', timeout_ms: 1_000, signal }
  const table = new LiveTable(source, await readTable(source), performance.now(), settings, {})
  client.schemaReads = 0
  client.schemaLooks = 0
  const take = (row: object, index = 0) => {
    const taken = table.encode(row, index)
    if (!(taken instanceof DoubtfulRow)) throw new Error('the row is not in doubt')
    return taken
  }
  return { client, table, take }
}

describe('rows with names that the table does not have', () => {
  it('cause a few reads of the schema at once, and then one per second', async () => {
    const { client, table, take } = await scene()
    for (let i = 0; i < 20; i++) {
      const settled = await table.settle(take({ id: i, nope: 1 }, i))
      expect(settled).toMatchObject({ code: 'ERR_CASSANDRA_COLUMN_UNKNOWN', row_index: i })
    }
    expect(client.schemaLooks).toBe(20)
    // The schema version did not change.
    expect(client.schemaReads).toBe(0)
    expect(waits).toEqual(Array(15).fill(1_000))
  })

  it('share one read, however many wait at once', async () => {
    const { client, table, take } = await scene()
    for (let i = 0; i < 5; i++) await table.settle(take({ id: i, nope: 1 }, i))
    client.schemaLooks = 0
    const refused = Array.from({ length: 25 }, (_, i) => table.settle(take({ id: i, [`nope${i}`]: 1 }, i)))
    client.columns = [...defaultColumns, { name: 'w', type: 'int' }]
    const stored = table.settle(take({ id: 25, w: 1 }, 25))
    table.suspect()
    expect(await stored).toMatchObject({ index: 25 })
    for (const row of refused) expect(await row).toMatchObject({ code: 'ERR_CASSANDRA_COLUMN_UNKNOWN' })
    expect(client.schemaReads).toBe(1)
    expect(waits).toEqual([1_000])
  })

  it('that come while the schema is read cause another read', async () => {
    const { client, table, take } = await scene()
    const early = table.settle(take({ id: 1, w: 1 }))
    while (client.schemaLooks === 0) await Promise.resolve()
    vi.advanceTimersByTime(1)
    client.columns = [...defaultColumns, { name: 'w', type: 'int' }]
    const late = table.settle(take({ id: 2, w: 2 }, 1))
    expect(await late).toMatchObject({ index: 1 })
    expect(await early).toMatchObject({ code: 'ERR_CASSANDRA_COLUMN_UNKNOWN' })
    expect(waits).toEqual([])
  })

  it('share one read if all of them came before it', async () => {
    const { client, table, take } = await scene()
    const rows = [1, 2, 3].map(i => take({ id: i, w: i }, i))
    client.columns = [...defaultColumns, { name: 'w', type: 'int' }]
    for (const row of rows) expect(await table.settle(row)).toMatchObject({ index: row.index })
    expect(client.schemaReads).toBe(1)
  })

  it('are refused if the schema cannot be read', async () => {
    const { client, table, take } = await scene()
    client.schemaError = new Error('no answer')
    expect(await table.settle(take({ id: 1, w: 1 }))).toMatchObject({ code: 'ERR_CASSANDRA_COLUMN_UNKNOWN' })
  })
})

describe('while nodes disagree about the schema, rows with names that the table does not have', () => {
  async function disagreeing(options: { readonly on_bad_row?: () => void }) {
    const one = await scene(options)
    const { client } = one
    const execute = client.execute.bind(client)
    client.execute = async (cql, binds, ask) =>
      cql.includes('system.peers')
        ? { rows: [{ rpc_address: '127.0.0.2', schema_version: 'old' }] }
        : execute(cql, binds, ask)
    return one
  }
  const added: readonly FakeColumn[] = [...defaultColumns, { name: 'w', type: 'int' }]

  it('are set aside after 2 seconds, and so is the same name at once for the next 2 seconds', async () => {
    const { table, take } = await disagreeing({ on_bad_row: () => {} })
    expect(await table.settle(take({ id: 1, nope: 1 }))).toBeInstanceOf(BadRow)
    expect(waits).toEqual(Array(20).fill(100))
    vi.advanceTimersByTime(1_999)
    expect(await table.settle(take({ id: 2, nope: 1 }))).toBeInstanceOf(BadRow)
    expect(waits.length).toBe(20)
    vi.advanceTimersByTime(1)
    expect(await table.settle(take({ id: 3, nope: 1 }))).toBeInstanceOf(BadRow)
    expect(waits.length).toBe(40)
  })

  it('end a stream without `on_bad_row` only after the whole time limit', async () => {
    const { table, take } = await disagreeing({})
    await table.settle(take({ id: 1, nope: 1 }))
    expect(waits.length).toBeGreaterThan(100)
  })

  it('are written if a node learns the name in these 2 seconds', async () => {
    const { client, table, take } = await disagreeing({ on_bad_row: () => {} })
    const stored = table.settle(take({ id: 1, w: 1 }))
    while (waits.length < 15) await Promise.resolve()
    client.columns = added
    expect(await stored).toMatchObject({ index: 0 })
    expect(waits.length).toBeLessThan(20)
  })

  it('are compared with the node that knows most of the names', async () => {
    const { client, table, take } = await disagreeing({ on_bad_row: () => {} })
    const execute = client.execute.bind(client)
    let asked = 0
    client.execute = (cql, binds, ask) => {
      // Two nodes take turns.
      if (cql.includes('system_schema.tables')) client.columns = asked++ % 2 === 0 ? defaultColumns : added
      return execute(cql, binds, ask)
    }
    const both = [table.settle(take({ id: 1, w: 1 })), table.settle(take({ id: 2, nope: 1 }, 1))]
    const [stored, refused] = await Promise.all(both)
    expect(stored).toMatchObject({ index: 0 })
    expect(refused).toBeInstanceOf(BadRow)
    // The first answer after the 2 seconds lacks both names.
    expect(asked).toBe(22)
  })
})

describe('a fault that may come from the schema', () => {
  it('is not the fault of a row while the schema cannot be read', async () => {
    const { client, table } = await scene()
    client.schemaError = new Error('no answer')
    expect(await table.diagnose('row')).toBe('retry')
  })

  it('is transient if the table did not change, unless the server does not mention the schema: then a row is at fault', async () => {
    const { table } = await scene()
    expect(await table.diagnose('schema')).toBe('retry')
    expect(await table.diagnose('row')).toBe('row')
  })
})
