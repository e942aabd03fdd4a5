import { describe, expect, it } from 'vitest'
import {
  checkReplay,
  commit,
  decide,
  isBehind,
  reseal,
  seal,
  stateAfter,
} from '../../../lib/checkpoint/epoch.ts'
import { CheckpointError } from '../../../lib/index.ts'
import { sealOf } from './epochs.ts'

const fresh = stateAfter(undefined)
const sealed0 = seal(fresh, sealOf(0))
const committed0 = commit(sealed0)
const sealed1 = seal(committed0, sealOf(1))
const both = seal(sealed0, sealOf(1))

const refusal = (act: () => unknown) => {
  try {
    act()
  } catch (error) {
    if (error instanceof CheckpointError) return `${error.code}: ${error.message}`
  }
  return 'no CheckpointError'
}

describe('an epoch', () => {
  it.each([
    ['fresh', fresh, 0, 'new'],
    ['sealed 0', sealed0, 0, 'replay'],
    ['committed 0', committed0, 0, 'skip'],
    ['committed 0', committed0, 1, 'new'],
    ['sealed 1', sealed1, 0, 'skip'],
    ['sealed 1', sealed1, 1, 'replay'],
    ['sealed 0 and 1', both, 0, 'replay'],
  ])('is handled by the state of the checkpoint, here: %s (%#)', (_name, state, epoch_id, decision) => {
    expect(decide(state, epoch_id)).toBe(decision)
  })

  it.each([
    [fresh, 1],
    [sealed0, 1],
    [committed0, 2],
    [sealed1, 2],
    [fresh, -1],
    [fresh, 0.5],
    [fresh, Number.NaN],
    [sealed1, 2 ** 53],
    [both, 1],
    [both, 2],
  ])('that leaves a gap is refused (%#)', (state, epoch_id) => {
    expect(refusal(() => decide(state, epoch_id))).toMatch(/^ERR_CASSANDRA_EPOCH: Expected epoch \d/)
  })

  it('passes its position, total and timestamps to the commit', () => {
    expect(committed0).toEqual({
      committed: { epoch_id: 0, position: { offset: 0 }, rows_total: 3, last_timestamp: '1000002' },
      sealed: undefined,
      next: undefined,
      high_water: 1_000_002n,
    })
  })

  it('may be sealed while the previous one is sealed, and follows it', () => {
    expect(both).toMatchObject({ sealed: sealOf(0), next: sealOf(1), high_water: 1_001_002n })
    expect(commit(both)).toEqual(sealed1)
  })

  it('must be sealed again if the previous one was', () => {
    const later = { timestamp: '1001003', last_timestamp: '1001005' }
    const resealed = reseal(both, later)
    expect(resealed).toMatchObject({ sealed: sealOf(0, later), next: sealOf(1), high_water: 1_001_005n })
    const behind = commit(resealed)
    expect([isBehind(both), isBehind(resealed), isBehind(behind)]).toEqual([false, false, true])
    expect(refusal(() => commit(behind))).toMatch(/^ERR_CASSANDRA_EPOCH: Epoch 1 cannot be committed before/)
    const again = reseal(behind, { timestamp: '1001006', last_timestamp: '1001008' })
    expect(isBehind(again)).toBe(false)
    expect(commit(again).committed).toMatchObject({ epoch_id: 1, last_timestamp: '1001008' })
  })

  it('that is sealed again keeps everything except its timestamps', () => {
    const later = reseal(sealed1, { timestamp: '1001003', last_timestamp: '1001005' })
    expect(later.sealed).toEqual(sealOf(1, { timestamp: '1001003', last_timestamp: '1001005' }))
    expect(later.high_water).toBe(1_001_005n)
  })

  it.each([
    ['a timestamp that an earlier epoch may have used', committed0, sealOf(1, { timestamp: '1000002' })],
    ['an empty span of timestamps', committed0, sealOf(1, { last_timestamp: '1000999' })],
    ['a total that does not follow', committed0, sealOf(1, { rows_total: 7 })],
    ['one block too few', committed0, sealOf(1, { blocks: ['one'] })],
    ['one block too many', committed0, sealOf(1, { blocks: ['one', 'two', 'three'] })],
    ['a count that is not whole', committed0, sealOf(1, { rows: 1.5 })],
    ['two sealed epochs before it', both, sealOf(2)],
    ['timestamps below those of the sealed epoch before it', sealed0, sealOf(1, { timestamp: '1000002' })],
    ['a total without the sealed epoch before it', sealed0, sealOf(1, { rows_total: 3 })],
    ['itself sealed', sealed0, sealOf(0)],
    ['itself committed', committed0, sealOf(0)],
  ])('with %s is not sealed', (_name, state, next) => {
    expect(refusal(() => seal(state, next))).toMatch(/^ERR_CASSANDRA_EPOCH: /)
  })

  it('cannot be committed or sealed again before it is sealed', () => {
    expect(refusal(() => commit(committed0))).toBe(
      'ERR_CASSANDRA_EPOCH: No epoch can be committed because no epoch is sealed',
    )
    expect(refusal(() => reseal(committed0, sealOf(1)))).toBe(
      'ERR_CASSANDRA_EPOCH: No epoch can be sealed again because no epoch is sealed',
    )
    expect(refusal(() => reseal(sealed1, sealOf(1)))).toMatch(
      /^ERR_CASSANDRA_EPOCH: .*expected one above 1001002/,
    )
  })
})

describe('a replay', () => {
  const sealed = sealOf(4)

  it('of the sealed rows passes', () => {
    expect(() => checkReplay(sealed, 3, ['first4', 'second4'])).not.toThrow()
  })

  it('with another number of rows is refused whatever the fingerprints are', () => {
    expect(refusal(() => checkReplay(sealed, 4, sealed.blocks))).toMatch(/^ERR_CASSANDRA_REPLAY_DIFFERS: /)
  })

  it.each([
    ['another row', 3, ['other', 'second4'], 'rows 0 to 1'],
    ['another last row', 3, ['first4', 'other'], 'rows 2 to 2'],
    ['fewer rows', 1, ['other'], 'rows 0 to 1'],
    ['one block less', 2, ['first4'], 'rows 2 to 2'],
    ['none', 0, [], 'rows 0 to 1'],
    ['one row more', 4, ['first4', 'other'], 'rows 2 to 3'],
    ['one block more', 5, ['first4', 'second4', 'third'], 'rows 4 to 4'],
  ])('with %s is refused with the first block that differs', (_name, rows, blocks, where) => {
    const text = refusal(() => checkReplay(sealed, rows, blocks))
    expect(text).toMatch(/^ERR_CASSANDRA_REPLAY_DIFFERS: /)
    const counts = rows === 3 ? '' : `. The epoch was sealed with 3 rows, the source gave ${rows}`
    expect(text).toContain(
      `The first difference is in ${where} of the epoch, counted from 0${counts}. This replay wrote nothing`,
    )
  })
})
