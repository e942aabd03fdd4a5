import { describe, expect, it } from 'vitest'
import type { Seal } from '../../../lib/checkpoint/epoch.ts'
import { refuseDropped } from '../../../lib/epoch/replayLimits.ts'
import { SchemaError } from '../../../lib/index.ts'
import type { StoredTable } from '../../../lib/table/schema.ts'

const sealed = { epoch_id: 7, timestamp: '1700000000000000' } as Seal
const tableWith = (names: string[], dropped: [string, number][]) =>
  ({ columns: names.map(name => ({ name })), dropped: new Map(dropped) }) as unknown as StoredTable

describe('a replay', () => {
  it('is refused when Cassandra would hide values of a column that was dropped after the seal and added again', () => {
    const table = tableWith(['id', 'v'], [['v', 1_700_000_000_001]])
    expect(() => refuseDropped(sealed, table)).toThrow(SchemaError)
    expect(() => refuseDropped(sealed, table)).toThrow('Epoch 7 cannot be replayed: column `v`')
  })

  it('goes on when the column was dropped before the seal, or is gone', () => {
    refuseDropped(sealed, tableWith(['id', 'v'], [['v', 1_699_999_999_999]]))
    refuseDropped(sealed, tableWith(['id'], [['v', 1_700_000_000_001]]))
  })
})
