import { randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { type Client, types } from 'cassandra-driver'
import { NULL_LENGTH, UNSET_LENGTH, unset } from '../../lib/value/bind.ts'

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
  /** Position within the key. @default the index in the list */
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

/** Types that the driver does not know. They match any type. */
const anyTypes = Array.from({ length: 5_000 }, () => ({ type: { code: types.dataTypes.custom } }))

interface Frame {
  add(bytes: Buffer): void
}

/** The driver's request, as far as a sink uses and replaces it. */
class FakeRequest {
  readonly consistency = types.consistencies.localQuorum
  readonly meta: object
  params: readonly unknown[]

  constructor(meta: object, params: readonly unknown[]) {
    this.meta = meta
    this.params = params
  }

  /** As in `doc/native_protocol_v4.spec`. */
  writeQueryParameters(frame: Frame, _encoder: { readonly protocolVersion: number }): void {
    frame.add(Buffer.from([0, this.consistency, 0x01, this.params.length >> 8, this.params.length & 0xff]))
    for (const value of this.params) {
      const length = Buffer.alloc(4)
      length.writeInt32BE(Buffer.isBuffer(value) ? value.length : value === null ? NULL_LENGTH : UNSET_LENGTH)
      frame.add(length)
      if (Buffer.isBuffer(value)) frame.add(value)
    }
  }

  /** The bound values in the form of the protocol. */
  get binds(): readonly unknown[] {
    const parts: Buffer[] = []
    this.writeQueryParameters({ add: bytes => parts.push(bytes) }, { protocolVersion: 4 })
    const bytes = Buffer.concat(parts)
    const values: unknown[] = []
    for (let at = 5; at < bytes.length; ) {
      const length = bytes.readInt32BE(at)
      at += 4
      if (length < 0) values.push(length === NULL_LENGTH ? null : unset)
      else values.push(bytes.subarray(at, at + length))
      at += Math.max(0, length)
    }
    return values
  }
}

/**
 * Replaces a driver client in unit specs. It describes one table, and every write waits until the spec acknowledges or fails
 * it. It does not model Cassandra; the integration specs test that.
 */
export class FakeClient {
  columns: readonly FakeColumn[]
  /** Writes that are not settled yet, in the order they came. */
  readonly pending: FakeWrite[] = []
  /** All writes so far. */
  readonly writes: FakeWrite[] = []
  /** Whether every write is acknowledged at once. */
  automatic = false
  /** Called with each write that comes. */
  onWrite: ((write: FakeWrite) => void) | undefined
  tableId = 'table-1'
  default_time_to_live = 0
  udts: readonly FakeUdt[] = []
  droppedColumns: readonly { readonly column_name: string; readonly dropped_time: number }[] = []
  hasKeyspace = true
  /** The coordinator's clock, in milliseconds since 1970. @default this machine's */
  now: number | undefined
  /** Replication factor of the keyspace. */
  replicas = 1
  isView = false
  /** Property of tables in Cassandra 6. Undefined for an older version. */
  transactional_mode: string | undefined
  /** Error of each read of the schema. */
  schemaError: Error | undefined
  /** How often the table was described. */
  schemaReads = 0
  /** How often a sink asked for the schema version: once before each description, and once after it. */
  schemaLooks = 0
  connects = 0
  shutdowns = 0
  connectError: Error | undefined
  /** Options of the client, without a request tracker. */
  readonly options = {}
  /** One node. It holds everything. */
  readonly hosts = { length: 1, values: () => [] }
  /** The key itself serves as its token, because no spec looks up a replica by it. */
  readonly metadata = { newToken: (key: Buffer) => key, clearPrepared: () => {} }
  /** Answers to PREPARE by statement. A sink reads the schema again when it gets another answer. */
  private readonly prepared = new Map<string, object>()
  private readonly hostId = randomUUID()
  private readonly events = new EventEmitter()

  constructor(columns: readonly FakeColumn[] = defaultColumns) {
    this.columns = columns
    this.events.setMaxListeners(0)
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

  /** No hosts, so that readers of the schema let the driver choose one. */
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
    if (/^(?:SELECT|DESCRIBE)/.test(cql)) return { rows: this.describe(cql) }
    // Like the driver: the request is made and written in a later turn.
    const request = await this._createExecuteRequest(cql, 'id', options, binds)
    const written = request.binds
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        const at = this.pending.indexOf(write)
        if (at !== -1) this.pending.splice(at, 1)
        act()
      }
      const write: FakeWrite = {
        cql,
        binds: written,
        options,
        acknowledge: () => settle(() => resolve({ rows: [] })),
        fail: error => settle(() => reject(error)),
      }
      this.pending.push(write)
      this.writes.push(write)
      if (this.automatic) write.acknowledge()
      this.onWrite?.(write)
      this.events.emit('write')
    })
  }

  /** The private method of the driver that a sink replaces. It is not in the driver's types. */
  async _createExecuteRequest(
    cql: string,
    _id: unknown,
    _options: unknown,
    params: readonly unknown[],
  ): Promise<FakeRequest> {
    const meta = this.prepared.get(cql) ?? { columns: anyTypes }
    this.prepared.set(cql, meta)
    return new FakeRequest(meta, params)
  }

  /** Resolves to the oldest pending write, as soon as there is one. */
  async nextWrite(): Promise<FakeWrite> {
    for (;;) {
      const [first] = this.pending
      if (first !== undefined) return first
      await once(this.events, 'write')
    }
  }

  /** Resolves when `count` writes have come in total. */
  async writesReach(count: number): Promise<void> {
    while (this.writes.length < count) await once(this.events, 'write')
  }

  private describe(cql: string): unknown[] {
    if (this.schemaError !== undefined) throw this.schemaError
    if (cql.includes('system_schema.tables')) this.schemaReads++
    if (cql.includes('system_schema.tables'))
      return this.columns.length === 0
        ? []
        : [
            {
              id: this.tableId,
              gc_grace_seconds: 864_000,
              default_time_to_live: this.default_time_to_live,
              ...(this.transactional_mode !== undefined && { fast_path: { kind: 'INHERIT_KEYSPACE' } }),
            },
          ]
    if (cql.startsWith('DESCRIBE')) {
      if (this.transactional_mode === undefined) throw new Error(`Expected nobody to ask for ${cql}`)
      const mode = `    AND transactional_mode = '${this.transactional_mode}'`
      const comment = "    AND comment = 'transactional_mode = ''mixed_reads'''"
      return [{ create_statement: `CREATE TABLE ks.t (id int) WITH cdc = false\n${comment}\n${mode};` }]
    }
    if (cql.includes('system_schema.columns')) {
      return this.columns.map(({ name, type, kind = 'regular', position }, place) => ({
        column_name: name,
        type,
        kind,
        // As in Cassandra, only columns of the key have a position.
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
      const { columns, tableId, udts, droppedColumns, hasKeyspace, isView, default_time_to_live: ttl } = this
      const parts = [columns, tableId, udts, droppedColumns, hasKeyspace, isView, ttl]
      return [{ schema_version: JSON.stringify(parts) }]
    }
    if (cql.includes('system.local')) {
      return [{ now: this.now ?? Date.now(), cluster_name: 'fake', host_id: this.hostId, data_center: 'dc1' }]
    }
    return []
  }
}

/** Number of rows in a write. A batch has one INSERT or DELETE per row. */
export function rowsOf({ cql }: FakeWrite): number {
  return cql.match(/INSERT INTO|DELETE FROM/g)?.length ?? 0
}
