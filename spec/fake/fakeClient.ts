import { randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import type { Client } from 'cassandra-driver'

/** A write that reached the fake client and waits for the spec to settle it. */
export interface FakeWrite {
  readonly cql: string
  readonly binds: readonly unknown[]
  readonly options: Readonly<Record<string, unknown>>
  acknowledge(): void
  fail(error: unknown): void
}

export interface FakeColumn {
  readonly name: string
  readonly type: string
  readonly kind?: 'partition_key' | 'clustering' | 'static' | 'regular'
  /** Place within the key. @default the place in the list */
  readonly position?: number
}

export interface FakeUdt {
  readonly type_name: string
  readonly field_names: readonly string[]
  readonly field_types: readonly string[]
}

export const defaultColumns: readonly FakeColumn[] = [
  { name: 'id', type: 'int', kind: 'partition_key' },
  { name: 'v', type: 'text' },
]

/**
 * Stands in for a driver client in unit specs: it describes one table, and every write waits until the spec
 * acknowledges or fails it. It knows nothing of Cassandra's behaviour; that is what the integration specs are for.
 */
export class FakeClient {
  columns: readonly FakeColumn[]
  /** Writes not settled yet, in the order they came. */
  readonly pending: FakeWrite[] = []
  /** Every write that ever came. */
  readonly writes: FakeWrite[] = []
  /** Acknowledge every write at once. */
  automatic = false
  tableId = 'table-1'
  udts: readonly FakeUdt[] = []
  droppedColumns: readonly { readonly column_name: string; readonly dropped_time: number }[] = []
  hasKeyspace = true
  /** The coordinator's clock, in milliseconds since 1970. @default this machine's */
  now: number | undefined
  /** How often the keyspace stores each partition. */
  replicas = 1
  isView = false
  /** What reading the schema fails with. */
  schemaError: Error | undefined
  /** How often the table was described. */
  schemaReads = 0
  /** How often somebody asked whether the schema changed: once before each description, and once after it. */
  schemaLooks = 0
  connects = 0
  shutdowns = 0
  connectError: Error | undefined
  /** One node that holds everything. */
  readonly hosts = { length: 1, values: () => [] }
  /** A token is the key itself here: nobody looks for a replica by it. */
  readonly metadata = { newToken: (key: Buffer) => key, clearPrepared: () => {} }
  readonly #hostId = randomUUID()
  readonly #events = new EventEmitter()

  constructor(columns: readonly FakeColumn[] = defaultColumns) {
    this.columns = columns
    this.#events.setMaxListeners(0)
  }

  get asClient(): Client {
    return this as unknown as Client
  }

  async connect(): Promise<void> {
    this.connects++
    if (this.connectError !== undefined) throw this.connectError
  }

  async shutdown(): Promise<void> {
    this.shutdowns++
  }

  /** None, so that whoever reads the schema leaves the choice to the driver. */
  getState(): { getConnectedHosts(): readonly never[] } {
    return { getConnectedHosts: () => [] }
  }

  getReplicas(): readonly { address: string }[] {
    return [{ address: '127.0.0.1:9042' }]
  }

  async execute(
    cql: string,
    binds: readonly unknown[],
    options: Readonly<Record<string, unknown>>,
  ): Promise<{ rows: unknown[] }> {
    if (cql.startsWith('SELECT')) return { rows: this.#describe(cql) }
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        const at = this.pending.indexOf(write)
        if (at !== -1) this.pending.splice(at, 1)
        act()
      }
      const write: FakeWrite = {
        cql,
        // As they are now: the driver puts a copy on the wire.
        binds: binds.map(bind => (Buffer.isBuffer(bind) ? Buffer.from(bind) : bind)),
        options,
        acknowledge: () => settle(() => resolve({ rows: [] })),
        fail: error => settle(() => reject(error)),
      }
      this.pending.push(write)
      this.writes.push(write)
      if (this.automatic) write.acknowledge()
      this.#events.emit('write')
    })
  }

  /** Resolves with the oldest pending write, when there is one. */
  async nextWrite(): Promise<FakeWrite> {
    for (;;) {
      const [first] = this.pending
      if (first !== undefined) return first
      await once(this.#events, 'write')
    }
  }

  /** Resolves when `count` writes have come in all. */
  async writesReach(count: number): Promise<void> {
    while (this.writes.length < count) await once(this.#events, 'write')
  }

  #describe(cql: string): unknown[] {
    if (this.schemaError !== undefined) throw this.schemaError
    if (cql.includes('system_schema.tables')) this.schemaReads++
    if (cql.includes('system_schema.tables'))
      return this.columns.length === 0
        ? []
        : [{ id: this.tableId, gc_grace_seconds: 864_000, default_time_to_live: 0 }]
    if (cql.includes('system_schema.columns')) {
      return this.columns.map(({ name, type, kind = 'regular', position }, place) => ({
        column_name: name,
        type,
        kind,
        // As Cassandra has it: only columns of the key have a place.
        position: position ?? (kind === 'regular' || kind === 'static' ? -1 : place),
      }))
    }
    if (cql.includes('SELECT replication')) {
      return [{ replication: { class: 'SimpleStrategy', replication_factor: String(this.replicas) } }]
    }
    if (cql.includes('system_schema.keyspaces')) return this.hasKeyspace ? [{ keyspace_name: 'ks' }] : []
    if (cql.includes('system_schema.dropped_columns')) return [...this.droppedColumns]
    if (cql.includes('system_schema.views'))
      return this.isView ? [{ id: this.tableId, gc_grace_seconds: 864_000, default_time_to_live: 0 }] : []
    if (cql.includes('system_schema.types')) return [...this.udts]
    if (cql.includes('schema_version FROM system.local')) {
      this.schemaLooks++
      const { columns, tableId, udts, droppedColumns, hasKeyspace, isView } = this
      return [
        {
          schema_version: JSON.stringify([columns, tableId, udts, droppedColumns, hasKeyspace, isView]),
        },
      ]
    }
    if (cql.includes('system.local')) {
      return [
        { now: this.now ?? Date.now(), cluster_name: 'fake', host_id: this.#hostId, data_center: 'dc1' },
      ]
    }
    return []
  }
}

/** How many rows a write carries: a batch has an INSERT or a DELETE a row. */
export function rowsOf({ cql }: FakeWrite): number {
  return cql.match(/INSERT INTO|DELETE FROM/g)?.length ?? 0
}
