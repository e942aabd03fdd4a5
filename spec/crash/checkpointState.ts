import { readFileSync } from 'node:fs'

interface FoundSeal {
  readonly epoch_id: number
  readonly rows: number
  readonly timestamp: string
  readonly table_ttl?: number
}

/** The state in a checkpoint file, read without the library. */
export interface FoundState {
  /** The last committed epoch, or -1. */
  readonly committed: number
  readonly sealed: FoundSeal | undefined
  /** The epoch after the sealed one, if it is sealed too. */
  readonly next: FoundSeal | undefined
  /** Number of epochs that were sealed again. */
  readonly reseals: number
  /** Highest write time in microseconds that an epoch may have used. */
  readonly last_timestamp: number
}

export function stateIn(location: string | object): FoundState {
  if (typeof location !== 'string') throw new TypeError('Expected the checkpoint to be in a file')
  let state: FoundState = { committed: -1, sealed: undefined, next: undefined, reseals: 0, last_timestamp: 0 }
  for (const line of linesOf(location)) {
    const record = JSON.parse(line.slice(line.indexOf('{')))
    if (record.header?.committed) state = { ...state, committed: record.header.committed.epoch_id }
    if (record.seal) state = { ...state, [state.sealed === undefined ? 'sealed' : 'next']: record.seal }
    if (record.reseal && state.sealed) {
      state = { ...state, sealed: { ...state.sealed, ...record.reseal }, reseals: state.reseals + 1 }
    }
    const { last_timestamp } = record.seal ?? record.reseal ?? state
    state = { ...state, last_timestamp: Math.max(state.last_timestamp, Number(last_timestamp)) }
    if (record.commit)
      state = { ...state, committed: record.commit.epoch_id, sealed: state.next, next: undefined }
  }
  return state
}

/** The records of a file. What follows the last line feed is a record that a kill cut. */
function linesOf(location: string): string[] {
  try {
    return readFileSync(location, 'utf8').split('\n').slice(1, -1)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
