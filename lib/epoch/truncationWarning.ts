import process from 'node:process'
import type { Client } from 'cassandra-driver'
import type { Commit } from '../checkpoint/epoch.ts'
import { placeText } from '../options/checkpointPlace.ts'
import type { EpochSettings } from '../options/settings.ts'
import type { StoredTable } from '../table/schema.ts'
import { readTruncation } from '../table/truncation.ts'

/**
 * Warns once per opening if the table was truncated after the checkpoint's last commit. The committed rows are then gone, and the
 * sink continues after them. The coordinator may not know of a truncation, so there may be no warning.
 */
export async function warnOfTruncation(
  client: Client,
  schema: StoredTable,
  committed: Commit | undefined,
  { checkpoint_location, request_timeout_ms }: EpochSettings,
): Promise<void> {
  if (committed === undefined) return
  const truncated = await readTruncation(client, schema, request_timeout_ms).catch(() => 0)
  if (truncated * 1000 <= Number(committed.last_timestamp)) return
  const { keyspace, name } = schema
  const text =
    `Table \`${keyspace}.${name}\` was truncated at ${new Date(truncated).toISOString()}, after the last commit of ` +
    `checkpoint ${placeText(checkpoint_location)} (epoch ${committed.epoch_id}). The sink continues after that commit. ` +
    'To load the table from the start, remove the checkpoint'
  process.emitWarning(text, { type: 'CassandraStreamsWarning', code: 'CASSANDRA_STREAMS_TRUNCATED' })
}
