import type { Client } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { readSettingsOf } from '../../../lib/options/readSettings.ts'
import { openTable } from '../../../lib/read/openTable.ts'
import { defaultColumns, FakeClient } from '../../fake/fakeClient.ts'

/** A node that learns of the column `w` after the others. */
class LaggingNode extends FakeClient {
  looks = 0

  constructor() {
    super(defaultColumns)
  }

  override async execute(...[cql, ...rest]: Parameters<FakeClient['execute']>): Promise<{ rows: unknown[] }> {
    if (cql.includes('partitioner'))
      return { rows: [{ partitioner: 'Murmur3Partitioner', cluster_name: 'c', release_version: '5.0.4' }] }
    const isLate = this.looks < 4
    if (cql.includes('system.peers') && this.looks++ < 4)
      return { rows: [{ rpc_address: '127.0.0.2', schema_version: 'newer' }] }
    if (!isLate) this.columns = [...defaultColumns, { name: 'w', type: 'int' }]
    return super.execute(cql, ...rest)
  }
}

async function columnsOf(columns: string[] | undefined): Promise<string[]> {
  const client = new LaggingNode() as unknown as Client
  const settings = readSettingsOf({ client, keyspace: 'ks', table: 't', ...(columns && { columns }) })
  const { signal } = new AbortController()
  return openTable(settings, signal, ({ schema }) => schema.columns.map(({ name }) => name))
}

describe('a table whose node does not know a new column yet', () => {
  it('opens with that column, if all columns are read', async () => {
    expect(await columnsOf(undefined)).toEqual(['id', 'v', 'w'])
  })

  it('opens with that column, if it is read by its name', async () => {
    expect(await columnsOf(['id', 'w'])).toEqual(['id', 'v', 'w'])
  })

  it('opens at once, if all columns that are read are known', async () => {
    expect(await columnsOf(['id', 'v'])).toEqual(['id', 'v'])
  })
})

describe('a cluster whose partitioner is', () => {
  const opened = (partitioner: string) => {
    class OfPartitioner extends FakeClient {
      override async execute(...given: Parameters<FakeClient['execute']>): Promise<{ rows: unknown[] }> {
        if (!given[0].includes('partitioner')) return super.execute(...given)
        return { rows: [{ partitioner, cluster_name: 'c', release_version: '5.0.4' }] }
      }
    }
    const client = new OfPartitioner(defaultColumns) as unknown as Client
    const settings = readSettingsOf({ client, keyspace: 'ks', table: 't' })
    return openTable(settings, new AbortController().signal, ({ server }) => server.cluster)
  }

  it('Murmur3Partitioner can be read', async () => {
    expect(await opened('org.apache.cassandra.dht.Murmur3Partitioner')).toBe('c')
  })

  it.each(['RandomPartitioner', 'ByteOrderedPartitioner'])('%s is refused by its name', async name => {
    const partitioner = `org.apache.cassandra.dht.${name}`
    await expect(opened(partitioner)).rejects.toMatchObject({
      name: 'ReadError',
      code: 'ERR_CASSANDRA_READ',
      message: `A cluster with ${partitioner} cannot be read in ranges, only one with Murmur3Partitioner`,
    })
  })
})
