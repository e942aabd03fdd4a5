import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { inspect } from 'node:util'
import { types } from 'cassandra-driver'
import { expect, it, onTestFinished } from 'vitest'
import { openCheckpoint } from '../../../lib/checkpoint/file/fileCheckpoint.ts'
import { readSettingsOf } from '../../../lib/options/readSettings.ts'
import { ReadCheckpoint } from '../../../lib/source/readCheckpoint.ts'
import { sealOf } from '../checkpoint/epochs.ts'

const { signal } = new AbortController()
const target = { cluster: 'c', keyspace: 'ks', table: 't', table_id: 'id' }

it('does not take the checkpoint of a sink, and says that it is one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'read-checkpoint-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const location = join(folder, 'checkpoint')
  const ofSink = await openCheckpoint(location, target)
  await ofSink.seal(sealOf(0))
  await ofSink.close()
  const settings = readSettingsOf({ host: 'h', keyspace: 'ks', table: 't', checkpoint_location: location })
  await expect(ReadCheckpoint.open(settings, location, target, signal)).rejects.toMatchObject({
    code: 'ERR_CASSANDRA_CHECKPOINT_TARGET',
    message:
      `Checkpoint ${location} belongs to table t, not t (read); a source and a sink cannot share a checkpoint. ` +
      'Use another checkpoint, or remove the file to start from the beginning',
  })
})

it('keeps a position that is acknowledged while the checkpoint is released', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'read-checkpoint-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const location = join(folder, 'checkpoint')
  const settings = readSettingsOf({ host: 'h', keyspace: 'ks', table: 't', checkpoint_location: location })
  // At different moments while the first position is written to the disk and the checkpoint is released.
  for (let turns = 0; turns < 40; turns++) {
    const checkpoint = await ReadCheckpoint.open(settings, location, target, signal)
    const first = checkpoint.acknowledge('first')
    const closing = turn().then(() => checkpoint.close())
    for (let i = 0; i < turns; i++) await turn()
    await Promise.all([first, closing, checkpoint.acknowledge(`second ${turns}`)])
    const next = await ReadCheckpoint.open(settings, location, target, signal)
    expect(next.position).toBe(`second ${turns}`)
    await next.close()
  }
})

it('does not take the checkpoint of other rows from its owner, even with take_over', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'read-checkpoint-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const location = join(folder, 'checkpoint')
  const open = (more: object) => {
    const options = { host: 'h', keyspace: 'ks', table: 't', checkpoint_location: location, ...more }
    return ReadCheckpoint.open(readSettingsOf(options), location, target, signal)
  }
  const owner = await open({})
  await owner.acknowledge('row 1')
  await expect(open({ shard: '0/2', take_over: true })).rejects.toMatchObject({
    code: 'ERR_CASSANDRA_CHECKPOINT_TARGET',
  })
  await owner.acknowledge('row 2')
  await owner.close()
  const next = await open({})
  expect(next.position).toBe('row 2')
  await next.close()
})

async function lateScene() {
  const folder = await mkdtemp(join(tmpdir(), 'read-checkpoint-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const location = join(folder, 'checkpoint')
  const settings = readSettingsOf({ host: 'h', keyspace: 'ks', table: 't', checkpoint_location: location })
  const open = () => ReadCheckpoint.open(settings, location, target, signal)
  /** A run that ends after these positions. */
  const run = async (...positions: string[]) => {
    const checkpoint = await open()
    for (const position of positions) await checkpoint.acknowledge(position)
    await checkpoint.close()
    return checkpoint
  }
  const position = async () => (await run()).position
  return { location, run, position }
}

const refused = { code: 'ERR_CASSANDRA_CHECKPOINT_LOCKED' }

it.each([['no position'], ['some positions']])('keeps late positions of a run that had %s', async before => {
  const { run, position } = await lateScene()
  const checkpoint = await run(...(before === 'no position' ? [] : ['row 1', 'row 2']))
  for (const late of ['row 50', 'row 60', 'row 70']) await checkpoint.acknowledge(late)
  expect(await position()).toBe('row 70')
})

it('is not moved by a late position after a later run, even if that run kept none', async () => {
  const { run, position } = await lateScene()
  const first = await run('row 50')
  const second = await run('row 1000')
  await expect(first.acknowledge('row 60')).rejects.toMatchObject(refused)
  await expect(first.acknowledge('row 61')).rejects.toThrow('it was opened again or removed')
  expect(second.position).toBe('row 1000')
  const third = await run()
  await expect(second.acknowledge('row 1001')).rejects.toMatchObject(refused)
  await third.acknowledge('row 1002')
  expect(await position()).toBe('row 1002')
})

it('is not moved by a late position after it was removed', async () => {
  const { location, run, position } = await lateScene()
  const first = await run('row 1000')
  await rm(location)
  await expect(first.acknowledge('row 1001')).rejects.toMatchObject(refused)
  await run('row 10')
  await expect(first.acknowledge('row 1002')).rejects.toMatchObject(refused)
  expect(await position()).toBe('row 10')
})

const blob = (last: number) => Buffer.concat([Buffer.alloc(1_000), Buffer.of(last)])

it.each<[string, (last: number) => unknown]>([
  ['a Buffer', blob],
  ['an ArrayBuffer', last => new Uint8Array(blob(last)).buffer],
  ['a list', last => [blob(last)]],
  ['a set', last => new Set([blob(last)])],
  ['a map', last => new Map([['key', blob(last)]])],
  ['a key of a map', last => new Map([[blob(last), 1]])],
  ['an object', last => ({ field: blob(last) })],
  ['a Tuple', last => types.Tuple.fromArray([blob(last)])],
])('is not continued for parameters that differ only after many equal bytes of %s', async (_, paramOf) => {
  const folder = await mkdtemp(join(tmpdir(), 'read-checkpoint-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const location = join(folder, 'checkpoint')
  const settings = (...params: unknown[]) =>
    readSettingsOf({
      host: 'h',
      keyspace: 'ks',
      table: 't',
      where: 'pk = ?',
      params,
      checkpoint_location: location,
    })
  const first = await ReadCheckpoint.open(settings(paramOf(1)), location, target, signal)
  await first.acknowledge('here')
  await first.close()
  const again = await ReadCheckpoint.open(settings(paramOf(1)), location, target, signal)
  expect(again.position).toBe('here')
  await again.close()
  await expect(ReadCheckpoint.open(settings(paramOf(2)), location, target, signal)).rejects.toMatchObject({
    code: 'ERR_CASSANDRA_CHECKPOINT_TARGET',
  })
})

it('is continued whatever the program has set as defaults of `inspect`', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'read-checkpoint-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const location = join(folder, 'checkpoint')
  const settings = readSettingsOf({
    host: 'h',
    keyspace: 'ks',
    table: 't',
    where: 'pk = ? AND ck = ?',
    params: [
      123_456,
      { name: 'a'.repeat(100), born: new Date(0), address: { lines: ['b', 'c'.repeat(50)] } },
    ],
    checkpoint_location: location,
  })
  const first = await ReadCheckpoint.open(settings, location, target, signal)
  await first.acknowledge('here')
  await first.close()
  // Earlier releases recorded the same identity in a program that had changed nothing.
  expect(await readFile(location, 'utf8')).toContain('"of":"Kc_7hrYKC9gC0LPHcuyU6n7jI9Cuy7CsIl_jhVPlGxc"')
  const usual = { ...inspect.defaultOptions }
  onTestFinished(() => void Object.assign(inspect.defaultOptions, usual))
  for (const change of [
    { colors: true },
    { compact: false },
    { compact: true },
    { breakLength: 20 },
    { numericSeparator: true },
    { showHidden: true },
    { sorted: true },
    { getters: true },
    { customInspect: false },
    { showProxy: true },
    { depth: 0, maxArrayLength: 0, maxStringLength: 0 },
  ]) {
    Object.assign(inspect.defaultOptions, usual, change)
    const again = await ReadCheckpoint.open(settings, location, target, signal)
    expect(again.position).toBe('here')
    await again.close()
  }
})
