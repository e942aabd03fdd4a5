import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type EpochState, stateAfter } from '../../../lib/checkpoint/epoch.ts'
import { beginHistory, readHistory } from '../../../lib/checkpoint/file/history.ts'
import { encodeRecord } from '../../../lib/checkpoint/file/record.ts'
import type { Target } from '../../../lib/checkpoint/target.ts'
import { CheckpointError } from '../../../lib/index.ts'
import { Disk } from '../../fake/disk.ts'
import { sealOf, target } from './epochs.ts'
import { location, openOn, run, threeEpochs } from './story.ts'

const steps = threeEpochs()

/** The file of three epochs. */
async function written(): Promise<Buffer> {
  const disk = Disk.empty()
  await run(disk, steps, 1)
  return disk.get(location) ?? Buffer.alloc(0)
}
const file = await written()

/** The lines of a file with their line feeds. */
const linesOf = (bytes: Buffer): Buffer[] =>
  bytes
    .toString('latin1')
    .split(/(?<=\n)/)
    .map(line => Buffer.from(line, 'latin1'))
const lines = linesOf(file)
const startOf = (line: number) => Buffer.concat(lines.slice(0, line)).length
/** The first line, the header and the first seal. A file never has less. */
const shortest = startOf(3)

type Answer = { state: EpochState } | { code: string; offset: number | undefined }

function read(bytes: Buffer, expected: Target = target): Answer {
  try {
    return { state: readHistory(bytes, expected, location).state }
  } catch (error) {
    if (error instanceof CheckpointError) return { code: error.code, offset: error.offset }
    throw error
  }
}
const corruptAt = (offset: number) => ({ code: 'ERR_CASSANDRA_CHECKPOINT_CORRUPT', offset })
/** The state in a file with only its first lines. */
const stateAfterLines = (count: number) => ({ state: steps[count - 3]?.state })

describe('a checkpoint file', () => {
  it('is read as the written state', () => {
    expect(lines.length).toBe(2 + steps.length)
    expect(read(file)).toEqual(stateAfterLines(lines.length))
  })

  it('cut at any byte has lost at most its last record, or is refused if it has none', () => {
    for (let length = 0; length < file.length; length++) {
      const whole = linesOf(file.subarray(0, length)).filter(line => line.at(-1) === 0x0a).length
      const answer = read(file.subarray(0, length))
      if (length >= shortest) expect(answer, `${length} bytes`).toEqual(stateAfterLines(whole))
      else expect(answer, `${length} bytes`).toEqual(corruptAt(whole === 0 ? 0 : startOf(whole)))
    }
  })

  it('with NULs instead of the end of its last record has lost that record', () => {
    const last = startOf(lines.length - 1)
    for (let kept = last; kept < file.length; kept++) {
      const bytes = Buffer.concat([file.subarray(0, kept)], file.length)
      expect(read(bytes), `${kept} bytes`).toEqual(stateAfterLines(lines.length - 1))
      if (kept > last + 75) {
        expect(read(Buffer.concat([bytes, Buffer.alloc(1)])), `${kept} bytes`).toEqual(corruptAt(last))
      }
    }
    expect(read(Buffer.concat([file, Buffer.alloc(1 << 25)]))).toEqual(corruptAt(file.length))
  })

  it('cut just before its last line feed is refused if another byte of that record is wrong', () => {
    const last = startOf(lines.length - 1)
    for (let at = last; at < file.length - 1; at++) {
      // With a larger length, the record looks as if more of it were missing.
      if (at >= last + 66 && at < last + 74) continue
      const bytes = Buffer.from(file.subarray(0, -1))
      bytes[at] = (bytes[at] ?? 0) ^ 1
      expect(read(bytes), `byte ${at}`).toEqual(corruptAt(last))
    }
  })

  it('with any bit of 10,000 flipped is refused with the offset of the record', () => {
    const version = 'cassandra-streams checkpoint '.length
    const flip = fc.record({ at: fc.nat(file.length - 1), bit: fc.nat(7) })
    fc.assert(
      fc.property(flip, ({ at, bit }) => {
        const bytes = Buffer.from(file)
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
        const answer = read(bytes)
        const line = lines.findLastIndex((_, i) => startOf(i) <= at)
        const isNewer = at === version && Number(String.fromCharCode(bytes[at] ?? 0)) > 2
        const newer = { code: 'ERR_CASSANDRA_CHECKPOINT_VERSION', offset: undefined }
        expect(answer).toEqual(isNewer ? newer : corruptAt(line < 1 ? 0 : startOf(line)))
      }),
      { numRuns: 10_000 },
    )
  })

  it('with several overwritten bytes is refused, or is read as an earlier state', () => {
    const overwrite = fc.record({
      at: fc.nat(file.length - 1),
      bytes: fc.uint8Array({ minLength: 1 }),
      cut: fc.boolean(),
    })
    const once = [...steps.keys()].map(i => stateAfterLines(i + 3))
    fc.assert(
      fc.property(overwrite, ({ at, bytes, cut }) => {
        const damaged = Buffer.concat([
          file.subarray(0, at),
          bytes,
          cut ? Buffer.alloc(0) : file.subarray(at + bytes.length),
        ])
        const answer = read(damaged)
        if ('state' in answer) expect(once).toContainEqual(answer)
        else expect(answer.code).toMatch(/^ERR_CASSANDRA_CHECKPOINT_(CORRUPT|VERSION)$/)
      }),
      { numRuns: 5000 },
    )
  })

  it('with two exchanged lines is refused at the first of them', () => {
    for (let i = 0; i < lines.length; i++) {
      for (let j = i + 1; j < lines.length; j++) {
        const swapped = lines.with(i, lines[j] ?? file).with(j, lines[i] ?? file)
        expect(read(Buffer.concat(swapped)), `${i} and ${j}`).toEqual(corruptAt(startOf(i)))
      }
    }
  })

  it('without one of its lines is refused, except without the last', () => {
    for (let i = 0; i < lines.length - 1; i++) {
      expect(read(Buffer.concat(lines.toSpliced(i, 1))), `${i}`).toEqual(corruptAt(startOf(i)))
    }
    expect(read(Buffer.concat(lines.slice(0, -1)))).toEqual(stateAfterLines(lines.length - 1))
  })

  it('with a line repeated, directly or at the end, is refused at the repetition', () => {
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] ?? file
      expect(read(Buffer.concat(lines.toSpliced(i, 0, line))), `${i}`).toEqual(corruptAt(startOf(i + 1)))
      expect(read(Buffer.concat([file, line])), `${i}`).toEqual(corruptAt(file.length))
    }
  })

  it('with a line of another file with the same epochs is refused', async () => {
    const others = linesOf(await written())
    for (let i = 2; i < lines.length; i++) {
      const mixed = Buffer.concat(lines.with(i, others[i] ?? file))
      expect(read(mixed), `${i}`).toEqual(corruptAt(startOf(i)))
    }
  })

  it('that begins with a line of another file is refused', () => {
    for (const text of ['', '\n', 'id,name\n', '{}\n', '\0\0\0', 'cassandra-streams checkpoint 0\n']) {
      expect(read(Buffer.concat([Buffer.from(text), Buffer.concat(lines.slice(1))])), text).toEqual(
        corruptAt(0),
      )
    }
  })

  it.each(['3', '10', '999999999'])('of the newer version %s is refused as such', version => {
    const bytes = Buffer.concat([
      Buffer.from(`cassandra-streams checkpoint ${version}\n`),
      Buffer.from('anything'),
    ])
    expect(read(bytes)).toEqual({ code: 'ERR_CASSANDRA_CHECKPOINT_VERSION', offset: undefined })
  })

  it.each(['cluster', 'keyspace', 'table', 'table_id'] as const)('of another %s is refused', name => {
    const answer = read(file, { ...target, [name]: 'another' })
    expect(answer).toEqual({ code: 'ERR_CASSANDRA_CHECKPOINT_TARGET', offset: undefined })
  })

  it.each([
    ['a seal that leaves a gap', { seal: sealOf(2) }],
    ['a seal of the sealed epoch', { seal: sealOf(0) }],
    ['a commit of another epoch', { commit: { epoch_id: 1 } }],
    ['a commit without an epoch', { commit: null }],
    ['a seal without a count', { seal: { ...sealOf(0), rows: undefined } }],
    ['a second seal without timestamps', { reseal: {} }],
    ['a second seal with lower timestamps', { reseal: { timestamp: '5', last_timestamp: '6' } }],
    ['a header', { header: {} }],
    ['an unknown event', { unseal: 1 }],
    ['two events in one record', { commit: { epoch_id: 0 }, seal: sealOf(1) }],
    ['no object', [1]],
    ['nothing', {}],
  ])('with valid records followed by %s is refused', (_name, event) => {
    const begun = beginHistory(target, undefined, [sealOf(0)])
    const bytes = Buffer.concat([begun.bytes, encodeRecord(begun.checksum, event).bytes])
    expect(read(bytes)).toEqual(corruptAt(begun.bytes.length))
  })

  const later = { reseal: { timestamp: '1001500', last_timestamp: '1001502' } }
  it.each([
    ['a third seal', [{ seal: sealOf(2) }]],
    ['a seal of the second epoch', [{ seal: sealOf(1) }]],
    ['a commit of the second epoch', [{ commit: { epoch_id: 1 } }]],
    [
      'timestamps between those of the two epochs',
      [{ reseal: { timestamp: '1000900', last_timestamp: '1000902' } }],
    ],
    [
      'a commit of an epoch whose write times are below those of the previous one',
      [later, { commit: { epoch_id: 0 } }, { commit: { epoch_id: 1 } }],
    ],
  ])('with two sealed epochs followed by %s is refused', (_name, events) => {
    const records: { bytes: Buffer; checksum: string }[] = [
      beginHistory(target, undefined, [sealOf(0), sealOf(1)]),
    ]
    for (const event of events) records.push(encodeRecord(records.at(-1)?.checksum ?? '', event))
    const bytes = records.map(record => record.bytes)
    expect(read(Buffer.concat(bytes.slice(0, -1)))).toHaveProperty('state')
    expect(read(Buffer.concat(bytes))).toEqual(corruptAt(Buffer.concat(bytes.slice(0, -1)).length))
  })

  it('is not replaced when it is damaged, so that no load silently starts again', async () => {
    for (const bytes of [
      Buffer.alloc(0),
      file.subarray(0, shortest - 1),
      Buffer.concat([file, Buffer.from('x\n')]),
    ]) {
      const disk = Disk.empty()
      disk.put(location, bytes)
      await expect(openOn(disk, 1)).rejects.toMatchObject({ code: 'ERR_CASSANDRA_CHECKPOINT_CORRUPT' })
      expect(disk.get(location)).toEqual(bytes)
      expect(disk.names).toEqual([location])
    }
  })

  it('that was cut in its last record can be continued', async () => {
    const disk = Disk.empty()
    disk.put(location, file.subarray(0, -5))
    const checkpoint = await openOn(disk, 1)
    expect(checkpoint.state).toEqual(steps.at(-2)?.state)
    await checkpoint.commit()
    await checkpoint.close()
    const found = disk.get(location) ?? Buffer.alloc(0)
    expect(read(found)).toEqual(read(file))
    expect(linesOf(found).length).toBe(lines.length)
  })

  it('has the same records after each opening, and another id', async () => {
    const disk = Disk.empty()
    disk.put(location, file)
    const idsAndBodies = () => {
      const bodies = linesOf(disk.get(location) ?? Buffer.alloc(0))
        .slice(1)
        .map(line => JSON.parse(line.toString().slice(line.indexOf('{'))))
      const { header } = bodies[0]
      return [header.id, { ...header, id: '' }, ...bodies.slice(1)]
    }
    const [id, ...bodies] = idsAndBodies()
    const ids = new Set([id])
    for (let opening = 1; opening <= 3; opening++) {
      const checkpoint = await openOn(disk, 1)
      await checkpoint.close()
      const [next, ...same] = idsAndBodies()
      ids.add(next)
      expect(same).toEqual(bodies)
    }
    expect(ids.size).toBe(4)
  })

  it('that does not exist has no epoch', async () => {
    expect((await openOn(Disk.empty(), 1)).state).toEqual(stateAfter(undefined))
  })
})
