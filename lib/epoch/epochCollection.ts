import { MOST_SET_ASIDE } from '../checkpoint/epoch.ts'
import { unlessAborted } from '../cluster/unlessAborted.ts'
import { CheckpointError } from '../errors.ts'
import type { Json } from '../json.ts'
import type { EpochSettings } from '../options/settings.ts'
import type { EncodedRow } from '../row/encodedRow.ts'
import { positionOf } from '../row/position.ts'
import type { BadRow } from '../write/badRow.ts'
import { DoubtfulRow } from '../write/doubtfulRow.ts'
import { maxEpochBytes } from './epochCutter.ts'
import type { EpochRows } from './epochRows.ts'
import type { EpochWriter } from './epochWriter.ts'
import { type RowSource, readRows } from './rowSource.ts'

/** Maximum number of rows of an epoch of `writeEpoch`, because all of them are in memory at once. */
const MAX_EPOCH_ROWS = 1_000_000

/**
 * Collects the rows of one epoch, and does not write them yet. Once the signal is aborted, it no longer waits for the source.
 * @param onEnd called if `on_bad_row` fails or too many rows are bad. The writer then takes no other epoch
 * @throws RowError, CheckpointError, errors of the source, and the reason of the signal. No row is written then.
 */
export async function collectEpoch<Row extends object>(
  writer: EpochWriter,
  settings: EpochSettings,
  source: RowSource<Row>,
  signal: AbortSignal,
  onEnd: (error: Error) => void,
): Promise<EpochRows> {
  const epoch = writer.newEpoch(writer.sealed)
  const most = writer.sealed?.rows ?? MAX_EPOCH_ROWS
  const mostBytes = writer.sealed === undefined ? maxEpochBytes(settings) : Number.POSITIVE_INFINITY
  const replayed = writer.sealed
  const isTooLarge = () =>
    epoch.count > most || epoch.bytes > mostBytes || epoch.set_aside.length > MOST_SET_ASIDE
  const add = (row: EncodedRow | BadRow | Error, position: Json | undefined) => {
    // The first row decides with which default time to live the others are encoded.
    if (replayed === undefined) writer.fits(epoch, row)
    return writer.collect(epoch, row, position, replayed)?.catch((error: Error) => {
      onEnd(error)
      throw error
    })
  }
  const collect = (given: Row) => {
    const row = writer.encodeFor(epoch, given)
    if (row instanceof Error) return add(row, undefined)
    const position = positionOf(given, settings)
    return row instanceof DoubtfulRow
      ? writer.settle(row).then(settled => add(settled, position))
      : add(row, position)
  }
  try {
    await unlessAborted(readRows(source, collect, isTooLarge, signal), signal)
    // A replay with too many rows is refused when it is compared with its seal.
    if (writer.sealed === undefined && isTooLarge()) {
      const limit = `${most} rows, ${MOST_SET_ASIDE} of them set aside, and ${mostBytes} bytes (half of \`max_buffered_bytes\`)`
      throw new CheckpointError(
        'ERR_CASSANDRA_EPOCH',
        `Expected an epoch of at most ${limit}: give fewer rows per epoch`,
      )
    }
    writer.check(epoch)
    return epoch
  } catch (error) {
    writer.giveUp(epoch)
    throw error
  }
}
