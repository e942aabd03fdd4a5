import { countSettingsOf } from '../options/countSettings.ts'
import type { CassandraCountOptions } from '../options/readOptions.ts'
import type { CassandraCount } from '../read/tableCount.ts'
import { TableCounter } from '../read/tableCounter.ts'
import { onAbort } from '../sink/abort.ts'

/**
 * Counts the rows of a Cassandra table, or those that match `where`: in total, per range of its ring, and in its largest
 * partitions. It reads the partition key of each row in parallel ranges, like `createCassandraReadable`, with the same retries.
 * Memory does not grow with the table.
 *
 * @throws OptionError, {@link ConnectionError}, {@link SchemaError}, {@link ReadError}, or the reason of `signal`
 */
export async function countRows(options: CassandraCountOptions): Promise<CassandraCount> {
  const settings = countSettingsOf(options)
  const { signal } = settings
  signal?.throwIfAborted()
  const leaving = new AbortController()
  const left = new Promise<never>((_, reject) => {
    leaving.signal.addEventListener('abort', () => reject(leaving.signal.reason))
  })
  left.catch(() => {})
  const forget = signal === undefined ? () => {} : onAbort(signal, () => leaving.abort(signal.reason))
  try {
    const counter = await TableCounter.open(settings, leaving.signal)
    try {
      return await Promise.race([counter.count(), left])
    } finally {
      // Lanes in the middle of a range end after their page.
      leaving.abort()
      await counter.close()
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    forget()
  }
}
