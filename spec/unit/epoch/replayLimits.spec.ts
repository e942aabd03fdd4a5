import { describe, expect, it } from 'vitest'
import type { Seal } from '../../../lib/checkpoint/epoch.ts'
import { refuseDropped } from '../../../lib/epoch/replayLimits.ts'
import { SchemaError } from '../../../lib/index.ts'
import type { StoredTable } from '../../../lib/table/schema.ts'
import { encodeAll } from '../batch/rows.ts'

const sealed = { epoch_id: 7, timestamp: '1700000000000000' } as Seal
const tableWith = (names: string[], dropped: [string, number][]) =>
  ({ columns: names.map(name => ({ name })), dropped: new Map(dropped) }) as unknown as StoredTable

const withValues = encodeAll([
  { p: 1, c: 1 },
  { p: 1, c: 2, v: 'x' },
])
const withoutValues = encodeAll([
  { p: 1, c: 1 },
  { p: 1, c: 2, v: null },
  { p: 1, c: 3, op: 'delete' },
])
const addedAgain = tableWith(['p', 'c', 'v'], [['v', 1_700_000_000_001]])

describe('a replay', () => {
  it('is refused if a column was dropped after the seal and added again, because Cassandra would hide its values', () => {
    const refused = () => refuseDropped(sealed, addedAgain, withValues)
    expect(refused).toThrow(SchemaError)
    expect(refused).toThrow('Epoch 7 cannot be replayed, because column `v`')
  })

  it('is allowed if no row has a value for that column', () => {
    refuseDropped(sealed, addedAgain, withoutValues)
  })

  it('is allowed if the column was dropped before the seal, or no longer exists', () => {
    refuseDropped(sealed, tableWith(['p', 'c', 'v'], [['v', 1_699_999_999_999]]), withValues)
    refuseDropped(sealed, tableWith(['p', 'c'], [['v', 1_700_000_000_001]]), withValues)
  })
})
