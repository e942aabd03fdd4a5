import { CheckpointError } from '../errors.ts'
import { hasShape, isCount, isJson, isText, type Json, type Shape } from '../json.ts'

export type { Json }

/** The write timestamps that an epoch may use, in decimal microseconds, both ends included. */
export interface TimestampSpan {
  readonly timestamp: string
  readonly last_timestamp: string
}

/** What is recorded of an epoch before its first row is written. */
export interface Seal extends TimestampSpan {
  readonly epoch_id: number
  readonly rows: number
  /** Fingerprint of each block of `block_rows` encoded rows; the last block may be shorter. */
  readonly blocks: readonly string[]
  readonly block_rows: number
  /** Milliseconds since 1970 at which the epoch was first sealed. */
  readonly sealed_at_ms: number
  /** Position of the source after the last row; null if the source gives none. */
  readonly position: Json | null
  /** Rows of all epochs up to and including this one. */
  readonly rows_total: number
  /**
   * The table's default time to live in seconds, for all rows of the epoch; 0 means that rows do not expire. The fingerprints
   * leave out this default, and null fields at the end of user-defined types. Absent in seals of older releases, whose
   * fingerprints include both.
   */
  readonly table_ttl?: number
  /** Places in the epoch, from 0, of the rows that were given to `on_bad_row`. Absent if there are none. */
  readonly set_aside?: readonly number[]
}

/** The last epoch whose rows were all acknowledged. */
export interface Commit {
  readonly epoch_id: number
  readonly position: Json | null
  readonly rows_total: number
  readonly last_timestamp: string
}

/** The state that a checkpoint keeps. */
export interface EpochState {
  readonly committed: Commit | undefined
  /** The oldest epoch that may be partly written. After a restart it is replayed before any other. */
  readonly sealed: Seal | undefined
  /** The epoch after `sealed`, if it may be partly written too. Its rows do not wait for the acknowledgements of `sealed`. */
  readonly next: Seal | undefined
  /** Highest write timestamp, in microseconds, that an epoch may have used. The next epoch starts above it. -1 at the start. */
  readonly high_water: bigint
}

const isMicroseconds = (value: unknown) => isText(value) && /^(0|[1-9]\d{0,18})$/.test(value)

/** Maximum number of fingerprints in a seal. With more, the seal may not fit into one record. */
const MOST_BLOCKS = 100_000

/** Maximum number of rows of an epoch that may be set aside. */
export const MOST_SET_ASIDE = 100_000
const isFingerprint = (value: unknown) => isText(value) && /^[\w+/=-]{1,128}$/.test(value)

const spanShape: Shape<TimestampSpan> = { timestamp: isMicroseconds, last_timestamp: isMicroseconds }

const oldSealShape: Shape<Omit<Seal, 'table_ttl' | 'set_aside'>> = {
  ...spanShape,
  epoch_id: isCount,
  rows: isCount,
  blocks: value => Array.isArray(value) && value.length <= MOST_BLOCKS && value.every(isFingerprint),
  block_rows: value => isCount(value) && value > 0,
  sealed_at_ms: isCount,
  position: isJson,
  rows_total: isCount,
}
const sealShape: Shape<Required<Omit<Seal, 'set_aside'>>> = { ...oldSealShape, table_ttl: isCount }
const setAsideShape: Shape<Required<Seal>> = {
  ...sealShape,
  set_aside: value =>
    Array.isArray(value) &&
    value.length <= MOST_SET_ASIDE &&
    value.every((place, i) => isCount(place) && (i === 0 || place > value[i - 1])),
}

const commitShape: Shape<Commit> = {
  epoch_id: isCount,
  position: isJson,
  rows_total: isCount,
  last_timestamp: isMicroseconds,
}

export const isSeal = (value: unknown): value is Seal =>
  hasShape(sealShape, value) || hasShape(setAsideShape, value) || hasShape(oldSealShape, value)
export const isSpan = (value: unknown): value is TimestampSpan => hasShape(spanShape, value)
export const isCommit = (value: unknown): value is Commit => hasShape(commitShape, value)

/** The state after a commit, or at the start, when no epoch is sealed. */
export function stateAfter(committed: Commit | undefined): EpochState {
  return stateOf(committed, undefined, undefined)
}

/**
 * Builds a state from its parts. Timestamps need not rise from epoch to epoch, because an epoch may have been sealed again.
 * @throws CheckpointError when an epoch does not follow the one before it
 */
export function stateFrom(
  committed: Commit | undefined,
  sealed: Seal | undefined,
  next: Seal | undefined,
): EpochState {
  if (sealed === undefined && next !== undefined)
    throw misuse(`Epoch ${next.epoch_id} is sealed, but the epoch before it is not`)
  let before: Commit | Seal | undefined = committed
  for (const each of [sealed, next].filter(seal => seal !== undefined)) {
    const expected: number = (before?.epoch_id ?? -1) + 1
    if (each.epoch_id !== expected)
      throw misuse(`Epoch ${each.epoch_id} is sealed instead of epoch ${expected}`)
    if (BigInt(each.last_timestamp) < BigInt(each.timestamp))
      throw misuse(`The last timestamp of epoch ${expected} is below the first`)
    checkCounts(before, each)
    before = each
  }
  return stateOf(committed, sealed, next)
}

/**
 * Tells whether an epoch is new, is replayed because it was begun before, or is skipped because it is committed. Epochs count from
 * 0 without gaps.
 * @throws CheckpointError `ERR_CASSANDRA_EPOCH` for any other epoch.
 */
export function decide(state: EpochState, epoch_id: number): 'new' | 'replay' | 'skip' {
  const last = state.committed?.epoch_id ?? -1
  if (isCount(epoch_id) && epoch_id <= last) return 'skip'
  if (epoch_id === last + 1) return state.sealed === undefined ? 'new' : 'replay'
  const next = state.sealed === undefined ? 'comes' : 'was begun and must be replayed'
  throw new CheckpointError(
    'ERR_CASSANDRA_EPOCH',
    `Expected epoch ${last + 1}, which ${next} next, got ${shown(epoch_id)}`,
  )
}

/** The text of an id, which may be of any type. */
function shown(id: unknown): string {
  if (typeof id === 'number') return String(id)
  if (typeof id === 'string') return `the text \`${id.slice(0, 40)}\``
  return typeof id === 'bigint' ? `the BigInt ${id}` : `a value of type ${typeof id}`
}

/** The state after an epoch is sealed: its rows may be written, with the timestamps of the seal. One other may be sealed too. */
export function seal(state: EpochState, next: Seal): EpochState {
  if (!isSeal(next)) throw misuse('The seal of an epoch is not well-formed')
  const { committed, sealed } = state
  const isSecond = sealed !== undefined && state.next === undefined && next.epoch_id === sealed.epoch_id + 1
  if (!isSecond && decide(state, next.epoch_id) !== 'new')
    throw misuse(`Epoch ${next.epoch_id} is already sealed or committed`)
  checkCounts(sealed ?? committed, next)
  checkSpan(state, next.epoch_id, next)
  return isSecond ? stateOf(committed, sealed, next) : stateOf(committed, next, undefined)
}

/**
 * The state after the sealed epoch is sealed again, with timestamps above all that were used so far. If the epoch after it is
 * sealed too, that one now has lower timestamps, so it is also sealed again before it is replayed.
 */
export function reseal(state: EpochState, { timestamp, last_timestamp }: TimestampSpan): EpochState {
  if (state.sealed === undefined) throw misuse('No epoch can be sealed again because no epoch is sealed')
  const span = { timestamp, last_timestamp }
  if (!isSpan(span)) throw misuse(`Epoch ${state.sealed.epoch_id} has timestamps that are not well-formed`)
  checkSpan(state, state.sealed.epoch_id, span)
  return stateOf(state.committed, { ...state.sealed, ...span }, state.next)
}

/** Whether the sealed epoch has lower timestamps than the committed epoch, because that one was sealed again. */
export function isBehind({ committed, sealed }: EpochState): boolean {
  if (committed === undefined || sealed === undefined) return false
  return BigInt(sealed.timestamp) <= BigInt(committed.last_timestamp)
}

/** Whether timestamps rise from epoch to epoch. They do unless an epoch was sealed again. */
export function isInOrder({ committed, sealed, next }: EpochState): boolean {
  const found = [committed, sealed, next].flatMap(each =>
    each === undefined ? [] : [BigInt(each.last_timestamp)],
  )
  return found.every((last, i) => i === 0 || last > (found[i - 1] ?? 0n))
}

/** The state after every row of the sealed epoch is acknowledged. */
export function commit(state: EpochState): EpochState & { readonly committed: Commit } {
  if (state.sealed === undefined) throw misuse('No epoch can be committed because no epoch is sealed')
  const { epoch_id, position, rows_total, last_timestamp } = state.sealed
  if (isBehind(state)) throw misuse(`Epoch ${epoch_id} cannot be committed before it is sealed again`)
  const committed = { epoch_id, position, rows_total, last_timestamp }
  return { ...stateOf(committed, state.next, undefined), committed }
}

/**
 * Checks that a replay has exactly the rows that were sealed. Otherwise rows of the first attempt would stay in the table.
 * @param blocks fingerprints of the replayed rows, in blocks of `sealed.block_rows`
 * @throws CheckpointError `ERR_CASSANDRA_REPLAY_DIFFERS` that names the first block that differs.
 */
export function checkReplay(sealed: Seal, rows: number, blocks: readonly string[]): void {
  const at = sealed.blocks.findIndex((block, i) => block !== blocks[i])
  if (at === -1 && rows === sealed.rows && blocks.length === sealed.blocks.length) return
  throw replayDiffers(sealed, rows, at)
}

/**
 * Checks a replay that ends early: its rows must be the first of the sealed rows. Rows after the last complete block cannot be
 * compared.
 * @throws as {@link checkReplay}
 */
export function checkBeginning(sealed: Seal, rows: number, blocks: readonly string[]): void {
  const whole = blocks.slice(0, Math.floor(rows / sealed.block_rows))
  const at = whole.findIndex((block, i) => block !== sealed.blocks[i])
  if (at !== -1) throw replayDiffers(sealed, rows, at)
}

/** What the user can do about an epoch that cannot be replayed. */
export const WAY_ON =
  'To continue without a replay, remove the checkpoint and load the rows after its last commit. ' +
  'Rows that the first attempt wrote stay in the table'

function replayDiffers(sealed: Seal, rows: number, at: number): CheckpointError {
  const first = (at === -1 ? sealed.blocks.length : at) * sealed.block_rows
  const last = Math.min(first + sealed.block_rows, Math.max(rows, sealed.rows)) - 1
  const counts =
    rows === sealed.rows ? '' : `. The epoch was sealed with ${sealed.rows} rows, the source gave ${rows}`
  return new CheckpointError(
    'ERR_CASSANDRA_REPLAY_DIFFERS',
    `Expected the source to replay the rows of epoch ${sealed.epoch_id}, which may be partly in the table. The first ` +
      `difference is in rows ${first} to ${last} of the epoch, counted from 0${counts}. This replay wrote nothing. If the ` +
      `sealed rows still exist, start again with exactly these. ${WAY_ON}`,
  )
}

function checkCounts(before: Commit | Seal | undefined, next: Seal): void {
  if (next.blocks.length !== Math.ceil(next.rows / next.block_rows)) {
    throw misuse(
      `Epoch ${next.epoch_id} has ${next.rows} rows, but ${next.blocks.length} fingerprints of ${next.block_rows} rows each`,
    )
  }
  const expected = (before?.rows_total ?? 0) + next.rows
  if (next.rows_total !== expected) {
    throw misuse(`Epoch ${next.epoch_id} has a total of ${next.rows_total} rows, expected ${expected}`)
  }
}

function checkSpan(state: EpochState, epoch_id: number, { timestamp, last_timestamp }: TimestampSpan): void {
  if (BigInt(last_timestamp) < BigInt(timestamp))
    throw misuse(`The last timestamp of epoch ${epoch_id} is below the first`)
  if (BigInt(timestamp) <= state.high_water) {
    throw misuse(`Epoch ${epoch_id} starts at timestamp ${timestamp}, expected one above ${state.high_water}`)
  }
}

function stateOf(
  committed: Commit | undefined,
  sealed: Seal | undefined,
  next: Seal | undefined,
): EpochState {
  let high_water = -1n
  for (const each of [committed, sealed, next]) {
    const last = BigInt(each?.last_timestamp ?? -1)
    if (last > high_water) high_water = last
  }
  return { committed, sealed, next, high_water }
}

function misuse(sentence: string): CheckpointError {
  return new CheckpointError('ERR_CASSANDRA_EPOCH', sentence)
}
