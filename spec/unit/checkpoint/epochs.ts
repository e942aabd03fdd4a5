import type { Seal } from '../../../lib/checkpoint/epoch.ts'
import type { Target } from '../../../lib/checkpoint/target.ts'

export const target: Target = { cluster: 'Test', keyspace: 'shop', table: 'orders', table_id: 'a-1' }

/** The seal of an epoch of three rows that follows the previous epochs. */
export function sealOf(epoch_id: number, change: Partial<Seal> = {}): Seal {
  const timestamp = 1_000_000 + epoch_id * 1000
  return {
    epoch_id,
    rows: 3,
    blocks: [`first${epoch_id}`, `second${epoch_id}`],
    block_rows: 2,
    timestamp: String(timestamp),
    last_timestamp: String(timestamp + 2),
    sealed_at_ms: 1_700_000_000_000,
    position: { offset: epoch_id },
    rows_total: 3 * (epoch_id + 1),
    ...change,
  }
}
