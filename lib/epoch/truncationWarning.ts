import process from 'node:process'
import type { Client } from 'cassandra-driver'
import type { Commit } from '../checkpoint/epoch.ts'
import { placeText } from '../options/checkpointPlace.ts'
import type { EpochSettings } from '../options/settings.ts'
import type { StoredTable } from '../table/schema.ts'
import { readTruncation } from '../table/truncation.ts'

/**
 * Warns once per opening when the table was truncated after the checkpoint's last commit: committed rows are gone, and the
 * sink goes on after them. The coordinator may not know, so silence says nothing.
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
    `checkpoint ${placeText(checkpoint_location)} (epoch ${committed.epoch_id}). The sink goes on after that commit. ` +
    'Remove the checkpoint to load the table from the start'
  process.emitWarning(text, { type: 'CassandraStreamsWarning', code: 'CASSANDRA_STREAMS_TRUNCATED' })
}
