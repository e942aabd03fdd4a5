import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import process from 'node:process'
import { setImmediate } from 'node:timers/promises'
import type { Connection } from '../../cluster/connect.ts'
import { serialLevelsOf } from '../../cluster/consistency.ts'
import { datacentersOf } from '../../cluster/datacenters.ts'
import { CheckpointError, OptionError } from '../../errors.ts'
import { placeText, type TablePlace } from '../../options/checkpointPlace.ts'
import type { ConsistencyName } from '../../options/options.ts'
import { readOptions } from '../../table/readOptions.ts'
import type { Checkpoint } from '../checkpoint.ts'
import { commit, type EpochState, reseal, type Seal, seal, stateAfter, type TimestampSpan } from '../epoch.ts'
import { exactSeal } from '../exactSeal.ts'
import { checkTarget, type Target } from '../target.ts'
import { type CheckpointRow, columnsOf, readRow } from './checkpointRow.ts'
import { provideTable, tableName } from './checkpointTable.ts'
import { explainFailure } from './failure.ts'
import { type RepeatLimits, repeated } from './repeated.ts'
import { type RowAccess, SerialRow } from './serialRow.ts'

/** What a checkpoint in a table is opened with. */
export interface TableAccess {
  readonly connection: Connection
  /** The option `consistency`. With a LOCAL level the transactions stay within the datacenter too. */
  readonly consistency: ConsistencyName
  readonly limits: RepeatLimits
  /** Given by an owner that opens the checkpoint again. The opening fails if another owner opened it in between. */
  readonly token: string | undefined
  /** Throws if the checkpoint is of no use in this state. */
  readonly check?: ((state: EpochState) => void) | undefined
}

/**
 * Takes over the checkpoint in a row of a table. The previous owner, if any, can then record nothing more. Creates the table and
 * the row if they do not exist.
 * @param signal aborts the opening
 * @throws CheckpointError if the checkpoint cannot be read, is damaged, or belongs to another table; SchemaError; OptionError
 */
export async function openTableCheckpoint(
  place: TablePlace,
  target: Target,
  { connection, consistency, limits, token, check }: TableAccess,
  signal: AbortSignal,
): Promise<Checkpoint> {
  const location = placeText(place)
  const access = { client: connection.client, levels: serialLevelsOf(consistency), limits }
  try {
    await provideTable(access, place, location, signal)
    const serial = await serialOf(access, signal)
    const row = new SerialRow(access, tableName(place), place.name)
    const own = { row, name: place.name, location, connection }
    return new TableCheckpoint(own, await take(own, { target, serial }, token, check, signal))
  } catch (error) {
    throw explainFailure(error, location, 'open')
  }
}

/** What an open checkpoint uses. */
interface Own {
  readonly row: SerialRow
  readonly name: string
  readonly location: string
  readonly connection: Connection
}

/**
 * The serial level, with the datacenter of a local one. Transactions see each other only if this is the same for both.
 * @throws OptionError
 */
async function serialOf({ client, levels, limits }: RowAccess, signal: AbortSignal): Promise<string> {
  if (levels.name === 'SERIAL') return levels.name
  const datacenters = datacentersOf(client)
  if (datacenters.length > 1) throw notLocal(datacenters)
  const cql = 'SELECT data_center FROM system.local'
  const read = (limit_ms: number) => client.execute(cql, [], { ...readOptions(limit_ms), prepare: false })
  const { rows } = await repeated(read, limits, signal)
  return `${levels.name} in ${rows[0]?.['data_center']}`
}

async function take(
  { row, name, location }: Own,
  { target, serial }: Pick<CheckpointRow, 'target' | 'serial'>,
  token: string | undefined,
  check: TableAccess['check'],
  signal: AbortSignal,
): Promise<CheckpointRow> {
  for (;;) {
    const columns = await row.read(signal)
    const found = columns === undefined ? undefined : readRow(name, columns, location)
    if (token !== undefined && !token.split(' ').includes(found?.write_id ?? 'no row'))
      throw fenced(location, found?.owner)
    if (found !== undefined) {
      checkSerial(found.serial, serial, location)
      const { committed = found.state.sealed } = found.state
      // If no epoch was ever sealed, nothing is lost when the row gets another table.
      if (committed !== undefined) checkTarget(found.target, target, location, 'row')
    }
    const { term = 0, state = stateAfter(undefined) } = found ?? {}
    check?.(state)
    const taken = { ...newOwnership(term + 1), target, serial, state }
    if (await row.change(found, columnsOf(name, taken), signal)) return taken
    // Another process took it between the read and the change. The last one to open it owns it, so this one tries again.
  }
}

const newOwnership = (term: number) => ({
  term,
  owner: `process ${process.pid} on host ${hostname()}`,
  write_id: randomUUID(),
})

function checkSerial(found: string, serial: string, location: string): void {
  if (found === serial) return
  throw new CheckpointError(
    'ERR_CASSANDRA_CHECKPOINT_TARGET',
    `Checkpoint ${location} is kept by transactions at ${found}, but \`consistency\` and the datacenter of this process ` +
      `give ${serial}. Owners at different levels would not see each other. Use the \`consistency\` of the other owners. To ` +
      'take over checkpoints between datacenters, use QUORUM or EACH_QUORUM from the start',
    { location },
  )
}

function notLocal(datacenters: readonly string[]): OptionError {
  const message =
    'Expected `consistency` to be QUORUM or EACH_QUORUM, because the load balancing policy of the client sends requests to ' +
    `several datacenters (${datacenters.join(', ')}). With a LOCAL level, a checkpoint in a table is kept by transactions at ` +
    'LOCAL_SERIAL, and those of one datacenter do not see those of another. Or use a policy for one datacenter'
  return new OptionError('ERR_CASSANDRA_OPTION', 'consistency', message)
}

/** A call that waits for its turn. */
interface Call {
  /** The state after the call. */
  readonly follow: (state: EpochState) => EpochState
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Calls that come while a transaction is on its way, or in one turn of the event loop, share the next transaction. */
class TableCheckpoint implements Checkpoint {
  readonly #own: Own
  readonly #leaving = new AbortController()
  #row: CheckpointRow
  /** Id of the last change, which may have been applied although it failed. */
  #lastId: string
  /** Set once nothing more can be recorded: the reason why. */
  #end: Error | undefined
  #calls: Call[] = []
  #isRecording = false
  #closed: Promise<void> | undefined

  constructor(own: Own, row: CheckpointRow) {
    this.#own = own
    this.#row = row
    this.#lastId = row.write_id
  }

  get state(): EpochState {
    return this.#row.state
  }

  get token(): string {
    return `${this.#row.write_id} ${this.#lastId}`
  }

  async seal(given: Seal): Promise<void> {
    const sealed = exactSeal(given)
    await this.#record(state => seal(state, sealed))
  }

  reseal({ timestamp, last_timestamp }: TimestampSpan): Promise<void> {
    return this.#record(state => reseal(state, { timestamp, last_timestamp }))
  }

  commit(): Promise<void> {
    return this.#record(commit)
  }

  /** Closes the connection at once, without waiting for changes that are on their way. */
  close(): Promise<void> {
    const { location, connection } = this.#own
    this.#end ??= new CheckpointError('ERR_CASSANDRA_CHECKPOINT_IO', `Checkpoint ${location} is closed`, {
      location,
    })
    this.#leaving.abort(this.#end)
    this.#closed ??= connection.close()
    return this.#closed
  }

  #record(follow: Call['follow']): Promise<void> {
    const recorded = new Promise<void>((resolve, reject) => {
      this.#calls.push({ follow, resolve, reject })
    })
    if (!this.#isRecording) void this.#recordAll()
    return recorded
  }

  /** Never rejects: each call has its own promise. */
  async #recordAll(): Promise<void> {
    this.#isRecording = true
    while (this.#calls.length > 0) {
      await setImmediate()
      const calls = this.#calls
      this.#calls = []
      await this.#recordTogether(calls)
    }
    this.#isRecording = false
  }

  /** After a failure nothing more is recorded, because the outcome of the last change may be unknown. */
  async #recordTogether(calls: readonly Call[]): Promise<void> {
    let { state } = this
    const joined = calls.filter(({ follow, reject }) => {
      try {
        state = follow(state)
        return true
      } catch (error) {
        reject(this.#end ?? error)
        return false
      }
    })
    try {
      if (this.#end !== undefined) throw this.#end
      if (joined.length > 0) await this.#change(state)
      for (const { resolve } of joined) resolve()
    } catch (error) {
      this.#end ??= explainFailure(error, this.#own.location, 'write')
      for (const { reject } of joined) reject(this.#end)
    }
  }

  async #change(state: EpochState): Promise<void> {
    const { row, name, location } = this.#own
    const after = { ...this.#row, write_id: randomUUID(), state }
    this.#lastId = after.write_id
    const isMine = await row.change(this.#row, columnsOf(name, after), this.#leaving.signal)
    if (!isMine) throw fenced(location, await this.#successor())
    this.#row = after
  }

  /** The owner that took the checkpoint over, if the row can be read and names one. */
  async #successor(): Promise<string | undefined> {
    const found = await this.#own.row.read(this.#leaving.signal).catch(() => undefined)
    const owner = found?.['owner']
    return typeof owner === 'string' && found?.['term'] !== this.#row.term ? owner : undefined
  }
}

function fenced(location: string, owner: string | undefined): CheckpointError {
  const why = owner === undefined ? 'its row was removed or changed' : `${owner} took it over`
  return new CheckpointError(
    'ERR_CASSANDRA_FENCED',
    `Checkpoint ${location} can no longer be used here: ${why}. Nothing more is recorded in it. Let only one process at a ` +
      'time use a checkpoint',
    { location },
  )
}
