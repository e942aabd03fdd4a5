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
  /** The source's own place after the last row, if it has one. */
  readonly position: Json | null
  /** Rows of all epochs up to this one, with it. */
  readonly rows_total: number
  /**
   * Seconds that the table gave rows to live, 0 for ever. The fingerprints leave them out, and the fields that
   * user-defined types get later. Absent where an older release made the seal.
   */
  readonly table_ttl?: number
  /** Rows that were given to `on_bad_row`, by their place in the epoch. Absent where there are none. */
  readonly set_aside?: readonly number[]
}

/** The last epoch whose rows were all acknowledged. */
export interface Commit {
  readonly epoch_id: number
  readonly position: Json | null
  readonly rows_total: number
  readonly last_timestamp: string
}

/** All that a checkpoint knows. */
export interface EpochState {
  readonly committed: Commit | undefined
  /** An epoch that may be written in part. It must be replayed before any other. */
  readonly sealed: Seal | undefined
  /** The epoch after that one, when it may be written in part as well: the first rows of one leave behind the last of the other. */
  readonly next: Seal | undefined
  /** Highest microsecond that an epoch may have used; the next epoch starts above it. -1 before the first one. */
  readonly high_water: bigint
}

const isMicroseconds = (value: unknown) => isText(value) && /^(0|[1-9]\d{0,18})$/.test(value)

// So that a seal fits into a record.
const MOST_BLOCKS = 100_000

/** Most rows of an epoch that may be set aside. */
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

/** The state from which the first epoch, or the one after `committed`, follows. */
export function stateAfter(committed: Commit | undefined): EpochState {
  return stateOf(committed, undefined, undefined)
}

/**
 * The state of which all parts are known. Write times need not rise, since an epoch may have been sealed again.
 * @throws CheckpointError when one part does not follow from another
 */
export function stateFrom(
  committed: Commit | undefined,
  sealed: Seal | undefined,
  next: Seal | undefined,
): EpochState {
  if (sealed === undefined && next !== undefined)
    throw misuse(`No epoch is sealed before epoch ${next.epoch_id}`)
  let before: Commit | Seal | undefined = committed
  for (const each of [sealed, next].filter(seal => seal !== undefined)) {
    const expected: number = (before?.epoch_id ?? -1) + 1
    if (each.epoch_id !== expected) throw misuse(`Epoch ${each.epoch_id} is sealed in place of ${expected}`)
    if (BigInt(each.last_timestamp) < BigInt(each.timestamp))
      throw misuse(`Epoch ${expected} has no timestamp`)
    checkCounts(before, each)
    before = each
  }
  return stateOf(committed, sealed, next)
}

/**
 * What to do with an epoch: write it, write it again, or nothing, since it is committed. Epochs count from 0 without
 * gaps.
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

/** An id that may not even be a number. */
function shown(id: unknown): string {
  if (typeof id === 'number') return String(id)
  if (typeof id === 'string') return `the text \`${id.slice(0, 40)}\``
  return typeof id === 'bigint' ? `the BigInt ${id}` : `a value of type ${typeof id}`
}

/** The epoch may be written now, in part or in full, with the timestamps of its seal. One other may be so already. */
export function seal(state: EpochState, next: Seal): EpochState {
  if (!isSeal(next)) throw misuse('The seal of an epoch is not well-formed')
  const { committed, sealed } = state
  const isSecond = sealed !== undefined && state.next === undefined && next.epoch_id === sealed.epoch_id + 1
  if (!isSecond && decide(state, next.epoch_id) !== 'new')
    throw misuse(`Epoch ${next.epoch_id} is sealed or committed already`)
  checkCounts(sealed ?? committed, next)
  checkSpan(state, next.epoch_id, next)
  return isSecond ? stateOf(committed, sealed, next) : stateOf(committed, next, undefined)
}

/**
 * The sealed epoch goes on with later timestamps: all it used before are below the new ones. So are those of the epoch
 * after it, which must follow before it is written again.
 */
export function reseal(state: EpochState, { timestamp, last_timestamp }: TimestampSpan): EpochState {
  if (state.sealed === undefined) throw misuse('No epoch can be sealed again: none is sealed')
  const span = { timestamp, last_timestamp }
  if (!isSpan(span)) throw misuse(`Epoch ${state.sealed.epoch_id} has timestamps that are not well-formed`)
  checkSpan(state, state.sealed.epoch_id, span)
  return stateOf(state.committed, { ...state.sealed, ...span }, state.next)
}

/** Whether the sealed epoch has earlier timestamps than the one before it, which was sealed again. */
export function isBehind({ committed, sealed }: EpochState): boolean {
  if (committed === undefined || sealed === undefined) return false
  return BigInt(sealed.timestamp) <= BigInt(committed.last_timestamp)
}

/** Whether each epoch has later timestamps than those before it, as when none was sealed again. */
export function isInOrder({ committed, sealed, next }: EpochState): boolean {
  const found = [committed, sealed, next].flatMap(each =>
    each === undefined ? [] : [BigInt(each.last_timestamp)],
  )
  return found.every((last, i) => i === 0 || last > (found[i - 1] ?? 0n))
}

/** Every row of the sealed epoch is acknowledged. */
export function commit(state: EpochState): EpochState & { readonly committed: Commit } {
  if (state.sealed === undefined) throw misuse('No epoch can be committed: none is sealed')
  const { epoch_id, position, rows_total, last_timestamp } = state.sealed
  if (isBehind(state)) throw misuse(`Epoch ${epoch_id} cannot be committed before it is sealed again`)
  const committed = { epoch_id, position, rows_total, last_timestamp }
  return { ...stateOf(committed, state.next, undefined), committed }
}

/**
 * A replay must bring exactly the rows that were sealed; else rows of the first attempt would stay in the table.
 * @param blocks fingerprints of the replayed rows, in blocks of `sealed.block_rows`
 * @throws CheckpointError `ERR_CASSANDRA_REPLAY_DIFFERS` that names the first block that differs.
 */
export function checkReplay(sealed: Seal, rows: number, blocks: readonly string[]): void {
  const at = sealed.blocks.findIndex((block, i) => block !== blocks[i])
  if (at === -1 && rows === sealed.rows && blocks.length === sealed.blocks.length) return
  throw replayDiffers(sealed, rows, at)
}

/**
 * A replay that ends early must have brought the first of the rows that were sealed. The rows after the last whole block
 * cannot be compared.
 * @throws as {@link checkReplay}
 */
export function checkBeginning(sealed: Seal, rows: number, blocks: readonly string[]): void {
  const whole = blocks.slice(0, Math.floor(rows / sealed.block_rows))
  const at = whole.findIndex((block, i) => block !== sealed.blocks[i])
  if (at !== -1) throw replayDiffers(sealed, rows, at)
}

/** What to do about an epoch that cannot be replayed. */
export const WAY_ON =
  'To go on without a replay, remove the checkpoint and load the rows after its last commit: ' +
  'what the first attempt wrote stays in the table'

function replayDiffers(sealed: Seal, rows: number, at: number): CheckpointError {
  const first = (at === -1 ? sealed.blocks.length : at) * sealed.block_rows
  const where = `rows ${first} to ${Math.min(first + sealed.block_rows, Math.max(rows, sealed.rows)) - 1}`
  const counts = rows === sealed.rows ? '' : `; ${sealed.rows} rows were sealed, ${rows} came`
  return new CheckpointError(
    'ERR_CASSANDRA_REPLAY_DIFFERS',
    `Expected the source to replay the rows of epoch ${sealed.epoch_id}, which may be in the table in part, ` +
      `but it differs first in ${where}${counts}. Nothing was written. If the sealed rows still exist, start again ` +
      `with exactly these. ${WAY_ON}`,
  )
}

function checkCounts(before: Commit | Seal | undefined, next: Seal): void {
  if (next.blocks.length !== Math.ceil(next.rows / next.block_rows)) {
    throw misuse(
      `Epoch ${next.epoch_id} has ${next.rows} rows, but ${next.blocks.length} blocks of ${next.block_rows}`,
    )
  }
  if (next.rows_total !== (before?.rows_total ?? 0) + next.rows) {
    throw misuse(`Epoch ${next.epoch_id} brings the total to ${next.rows_total} rows, which does not follow`)
  }
}

function checkSpan(state: EpochState, epoch_id: number, { timestamp, last_timestamp }: TimestampSpan): void {
  if (BigInt(last_timestamp) < BigInt(timestamp)) throw misuse(`Epoch ${epoch_id} has no timestamp`)
  if (BigInt(timestamp) <= state.high_water) {
    throw misuse(`Epoch ${epoch_id} has timestamp ${timestamp}, which is not above ${state.high_water}`)
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
