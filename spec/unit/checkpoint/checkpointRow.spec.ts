import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { stateAfter } from '../../../lib/checkpoint/epoch.ts'
import { type CheckpointRow, columnsOf, readRow } from '../../../lib/checkpoint/table/checkpointRow.ts'
import { columnTypes } from '../../../lib/checkpoint/table/columns.ts'
import { sealOf, target } from './epochs.ts'
import { threeEpochs } from './story.ts'

const name = 'orders'
const location = '`orders` in table shop.checkpoints'
const owned: Omit<CheckpointRow, 'state'> = {
  term: 3,
  owner: 'process 5 on host here',
  write_id: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  serial: 'LOCAL_SERIAL in dc1',
  target,
}
const states = [stateAfter(undefined), ...threeEpochs().map(({ state }) => state)]

describe('the row of a checkpoint', () => {
  it.each(states.map((state, i) => [i, state] as const))(
    'is read as the written state: state %i',
    (_, state) => {
      const row = { ...owned, state }
      expect(readRow(name, columnsOf(name, row), location)).toEqual(row)
    },
  )

  it('is refused if a column is changed, lost, or exchanged with that of another state', () => {
    const refused = { code: 'ERR_CASSANDRA_CHECKPOINT_CORRUPT', location }
    const covered = ['version', 'serial', 'target', 'committed', 'sealed', 'next', 'checksum'] as const
    const rows = states.map(state => columnsOf(name, { ...owned, state }))
    let changes = 0
    for (const row of rows) {
      for (const column of covered) {
        for (const value of [null, '', 'x', ...rows.map(other => other[column])]) {
          if (value === row[column]) continue
          expect(() => readRow(name, { ...row, [column]: value }, location), column).toThrow(
            expect.objectContaining(refused),
          )
          changes++
        }
      }
      expect(() => readRow('visits', row, location)).toThrow(expect.objectContaining(refused))
    }
    expect(changes).toBeGreaterThan(200)
  })

  it.each([
    [
      'an epoch is missing',
      { ...stateAfter(undefined), sealed: sealOf(1, { rows_total: 3 }) },
      'Epoch 1 is sealed instead of epoch 0',
    ],
    [
      'only the second epoch is sealed',
      { ...stateAfter(undefined), next: sealOf(1) },
      'Epoch 1 is sealed, but the epoch before it is not',
    ],
    [
      'the rows do not add up',
      { ...stateAfter(undefined), sealed: sealOf(0, { rows_total: 4 }) },
      'a total of 4 rows, expected 3',
    ],
    [
      'there are too few blocks',
      { ...stateAfter(undefined), sealed: sealOf(0, { blocks: ['a'] }) },
      '1 fingerprints of 2 rows each',
    ],
    [
      'it ends before it begins',
      { ...stateAfter(undefined), sealed: sealOf(0, { last_timestamp: '1' }) },
      'The last timestamp of epoch 0 is below the first',
    ],
    [
      'an epoch is malformed',
      { ...stateAfter(undefined), sealed: sealOf(0, { rows: -1 }) },
      'not well-formed',
    ],
  ])('is refused if its epochs do not follow from each other: %s', (_, state, why) => {
    const row = columnsOf(name, { ...owned, state })
    expect(() => readRow(name, row, location)).toThrow(why)
    expect(() => readRow(name, row, location)).toThrow(
      /^Checkpoint `orders` in table shop\.checkpoints is damaged/,
    )
  })

  it('in a newer format is not reported as damaged', () => {
    const row = columnsOf(name, { ...owned, state: stateAfter(undefined) })
    expect(() => readRow(name, { ...row, version: 2, more: 'x' }, location)).toThrow(
      expect.objectContaining({ code: 'ERR_CASSANDRA_CHECKPOINT_VERSION' }),
    )
  })

  it('has the columns that docs/exactly-once.md shows', () => {
    const guide = readFileSync(resolve(import.meta.dirname, '../../../docs/exactly-once.md'), 'utf8')
    const shown = /cassandra_streams_checkpoints \(([^()]*), PRIMARY KEY \(name\)\)/.exec(guide)?.[1]
    const columns = Object.entries(columnTypes).map(([column, type]) => `${column} ${type}`)
    expect(shown?.split(',').map(column => column.trim())).toEqual(columns)
  })
})
