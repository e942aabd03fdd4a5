import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Checkpoint } from '../../lib/checkpoint/checkpoint.ts'
import { seal, stateAfter } from '../../lib/checkpoint/epoch.ts'
import { createMicroBatchSink } from '../../lib/index.ts'
import { sealOf, target } from '../unit/checkpoint/epochs.ts'
import { callsOf, command, emptyModel, type Real, spanAfter } from '../unit/checkpoint/model.ts'
import { threeEpochs } from '../unit/checkpoint/story.ts'
import { useKeyspace } from './keyspace.ts'
import { type Place, TableCheckpoints } from './tableCheckpoints.ts'

const ks = useKeyspace('checkpoint_table_spec')
const checkpoints = new TableCheckpoints(ks)

const fenced = { code: 'ERR_CASSANDRA_FENCED' }

/** A checkpoint with an epoch committed and the next one sealed. */
async function begun(): Promise<{ readonly place: Place; readonly checkpoint: Checkpoint }> {
  const place = checkpoints.place()
  const checkpoint = await checkpoints.open(place)
  await checkpoint.seal(sealOf(0))
  await checkpoint.commit()
  await checkpoint.seal(sealOf(1))
  return { place, checkpoint }
}

describe('a checkpoint in a table', () => {
  it('shows each step to the owner that made it and to the next owner', async () => {
    const place = checkpoints.place()
    let checkpoint = await checkpoints.open(place)
    expect(checkpoint.state).toEqual(stateAfter(undefined))
    for (const { name, act, state } of threeEpochs()) {
      await act(checkpoint)
      expect(checkpoint.state, name).toEqual(state)
      checkpoint = await checkpoints.open(place)
      expect(checkpoint.state, `${name}, opened again`).toEqual(state)
    }
  })

  it('has the state of a simple model after any calls and take-overs', async () => {
    interface InTable extends Real {
      readonly place: Place
    }
    /** Opens the checkpoint again and checks that the previous owner can do nothing more. */
    const reopen = (name: string, code: string, leave: (checkpoint: Checkpoint) => Promise<void>) =>
      command<InTable>(name, async (model, real) => {
        const { checkpoint: before, place } = real
        await leave(before)
        real.checkpoint = await checkpoints.open(place)
        const span = spanAfter(model)
        const late = model.seals.length > 0 ? before.reseal(span) : before.seal(sealOf(model.done, span))
        await expect(late).rejects.toMatchObject({ code })
      })
    const commands = [
      ...callsOf<InTable>(),
      reopen('close and open', 'ERR_CASSANDRA_CHECKPOINT_IO', checkpoint => checkpoint.close()),
      reopen('take over', 'ERR_CASSANDRA_FENCED', async () => {}),
    ].map(each => fc.constant(each))
    let epochs = 0
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 40, size: 'max' }), async plan => {
        const model = emptyModel()
        const place = checkpoints.place()
        const checkpoint = await checkpoints.open(place)
        await fc.asyncModelRun(() => ({ model, real: { place, checkpoint } }), plan)
        epochs += model.done
      }),
      { numRuns: 30 },
    )
    expect(epochs).toBeGreaterThan(20)
  })

  it('keeps the last state and no history: the row does not grow with the epochs', async () => {
    const place = checkpoints.place()
    const checkpoint = await checkpoints.open(place)
    const lengthOf = async () => JSON.stringify(await checkpoints.row(place)).length
    const lengths: number[] = []
    for (let epoch = 0; epoch < 30; epoch++) {
      await checkpoint.seal(sealOf(epoch))
      await checkpoint.commit()
      lengths.push(await lengthOf())
    }
    expect((lengths.at(-1) ?? 0) - (lengths[0] ?? 0)).toBeLessThan(20)
  })

  it('does not follow later changes of the seal object that it was given', async () => {
    const place = checkpoints.place()
    const checkpoint = await checkpoints.open(place)
    const position = { offset: 1 }
    const blocks = ['a', 'b']
    const sealed = checkpoint.seal(sealOf(0, { position, blocks }))
    position.offset = 2
    blocks[0] = 'c'
    await sealed
    const found = await checkpoints.open(place)
    expect(found.state.sealed).toMatchObject({ position: { offset: 1 }, blocks: ['a', 'b'] })
  })

  it('refuses a position that JSON cannot keep, and remains usable', async () => {
    const checkpoint = await checkpoints.open(checkpoints.place())
    const wrong = checkpoint.seal(sealOf(0, { position: Number.NaN }))
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_CASSANDRA_POSITION' })
    await checkpoint.seal(sealOf(0))
  })

  it('is independent of a checkpoint with another name', async () => {
    const { checkpoint } = await begun()
    const other = await checkpoints.open(checkpoints.place())
    expect(other.state).toEqual(stateAfter(undefined))
    await checkpoint.commit()
  })
})

describe('calls that do not wait for each other', () => {
  /** A checkpoint with an epoch committed and the next one sealed, and the statements of its transactions. */
  async function counted() {
    const { place, checkpoint } = await begun()
    await checkpoint.close()
    const changes: string[] = []
    const client = new Proxy(ks.client, {
      get: (target, key) => {
        const found = Reflect.get(target, key)
        if (key !== 'execute') return found
        return (cql: string, ...rest: unknown[]) => {
          if (cql.startsWith('UPDATE')) changes.push(cql)
          return found.call(target, cql, ...rest)
        }
      },
    })
    const own = await checkpoints.open(place, { client })
    changes.length = 0
    return { place, checkpoint: own, changes }
  }

  it('take effect in the order in which they are made, by one transaction', async () => {
    const { place, checkpoint, changes } = await counted()
    const calls = [checkpoint.seal(sealOf(2)), checkpoint.commit()]
    // A sink makes some promises between a commit and the seal that may follow it.
    for (let i = 0; i < 20; i++) await null
    await Promise.all([...calls, checkpoint.seal(sealOf(3))])
    expect(changes.length).toBe(1)
    const { committed, sealed, next } = (await checkpoints.open(place)).state
    expect([committed?.epoch_id, sealed, next]).toEqual([1, sealOf(2), sealOf(3)])
  })

  it('of which one is not allowed reject only that one', async () => {
    const { place, checkpoint, changes } = await counted()
    const found = await Promise.allSettled([
      checkpoint.seal(sealOf(7)),
      checkpoint.commit(),
      checkpoint.commit(),
      checkpoint.seal(sealOf(2)),
    ])
    expect(found.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled'])
    expect(found[0]).toMatchObject({ reason: { code: 'ERR_CASSANDRA_EPOCH' } })
    expect(changes.length).toBe(1)
    expect((await checkpoints.open(place)).state).toEqual(checkpoint.state)
  })

  it('wait for the transaction that is on its way', async () => {
    const { place, checkpoint, changes } = await counted()
    const first = checkpoint.commit()
    while (changes.length === 0) await new Promise(resolve => setImmediate(resolve))
    const rest = [checkpoint.seal(sealOf(2)), checkpoint.seal(sealOf(3)), checkpoint.commit()]
    expect(changes.length).toBe(1)
    await Promise.all([first, ...rest])
    expect(changes.length).toBe(2)
    expect((await checkpoints.open(place)).state).toEqual(checkpoint.state)
    expect(checkpoint.state.committed?.epoch_id).toBe(2)
  })

  it('are all refused after another owner has opened the checkpoint', async () => {
    const { place, checkpoint } = await begun()
    const { state } = checkpoint
    await checkpoints.open(place)
    const found = await Promise.allSettled([checkpoint.commit(), checkpoint.seal(sealOf(2))])
    for (const each of found) expect(each).toMatchObject({ status: 'rejected', reason: fenced })
    expect((await checkpoints.open(place)).state).toEqual(state)
  })
})

describe('the owner of a checkpoint in a table', () => {
  it.each([
    ['seal', (checkpoint: Checkpoint) => checkpoint.seal(sealOf(2))],
    [
      'reseal',
      (checkpoint: Checkpoint) => checkpoint.reseal({ timestamp: '1001500', last_timestamp: '1001502' }),
    ],
    ['commit', (checkpoint: Checkpoint) => checkpoint.commit()],
  ])('can no longer %s after another owner has opened it', async (_, act) => {
    const { place, checkpoint } = await begun()
    const { state } = checkpoint
    const next = await checkpoints.open(place)
    expect(next.state).toEqual(state)
    const refused = act(checkpoint)
    await expect(refused).rejects.toMatchObject({ ...fenced, location: expect.stringContaining(place.name) })
    await expect(refused).rejects.toThrow(`process ${process.pid} on host`)
    // The old owner stays fenced, and the new owner is not affected.
    await expect(checkpoint.commit()).rejects.toMatchObject(fenced)
    expect((await checkpoints.open(place)).state).toEqual(state)
  })

  it('is exactly one of many that open it at once: the last', { timeout: 120_000 }, async () => {
    const place = checkpoints.place()
    for (let round = 0; round < 5; round++) {
      const owners = await Promise.all(Array.from({ length: 8 }, () => checkpoints.open(place)))
      const row = await checkpoints.row(place)
      const isLast = owners.map(({ token }) => token.startsWith(String(row?.['write_id'])))
      expect([row?.['term'], isLast.filter(Boolean).length]).toEqual([8 * (round + 1), 1])
      const seals = await Promise.allSettled(owners.map(owner => owner.seal(sealOf(round))))
      expect(seals.map(({ status }) => status)).toEqual(isLast.map(last => (last ? 'fulfilled' : 'rejected')))
      const owner = owners[isLast.indexOf(true)]
      await owner?.commit()
      for (const other of owners.filter(each => each !== owner))
        await expect(other.commit()).rejects.toMatchObject(fenced)
    }
    expect((await checkpoints.open(place)).state.committed?.epoch_id).toBe(4)
  })

  it('can open it again with its token, unless another owner has opened it in between', async () => {
    const { place, checkpoint } = await begun()
    const { token } = checkpoint
    await checkpoint.close()
    const back = await checkpoints.open(place, { token })
    await back.commit()
    await expect(checkpoints.open(place, { token })).rejects.toMatchObject(fenced)
    await checkpoints.open(place)
    await expect(checkpoints.open(place, { token: back.token })).rejects.toMatchObject(fenced)
  })

  it('cannot open it again with its token after the row was removed, even if another owner began a new one', async () => {
    const { place, checkpoint } = await begun()
    const { token } = checkpoint
    await checkpoint.close()
    await ks.client.execute(`DELETE FROM ${ks.name}.${place.table} WHERE name = ? IF EXISTS`, [place.name], {
      prepare: true,
    })
    await expect(checkpoints.open(place, { token })).rejects.toMatchObject(fenced)
    const next = await checkpoints.open(place)
    await next.close()
    await expect(checkpoints.open(place, { token })).rejects.toMatchObject(fenced)
  })

  it('can record nothing after it has closed it', async () => {
    const { place, checkpoint } = await begun()
    await checkpoint.close()
    await expect(checkpoint.commit()).rejects.toMatchObject({ code: 'ERR_CASSANDRA_CHECKPOINT_IO' })
    expect((await checkpoints.open(place)).state.sealed).toEqual(sealOf(1))
  })
})

describe('a row that was changed by hand', () => {
  const sealed = seal(stateAfter(undefined), sealOf(0)).sealed
  it.each([
    ['version', null],
    ['version', 0],
    ['term', null],
    ['term', 0],
    ['write_id', null],
    ['serial', null],
    ['serial', 'SERIAL'],
    ['target', null],
    ['target', '{}'],
    ['committed', null],
    ['committed', '{"epoch_id":5,"position":null,"rows_total":18,"last_timestamp":"1000002"}'],
    ['sealed', null],
    ['sealed', JSON.stringify(sealed)],
    ['next', JSON.stringify(sealOf(2))],
    ['next', 'no JSON'],
    ['checksum', null],
    ['checksum', 'x'],
  ])('is refused: %s is %s', async (column, value) => {
    const { place } = await begun()
    await checkpoints.edit(place, column, value)
    await expect(checkpoints.open(place)).rejects.toMatchObject({
      name: 'CheckpointError',
      code: 'ERR_CASSANDRA_CHECKPOINT_CORRUPT',
      location: expect.stringContaining(place.name),
    })
  })

  it('is refused under another name', async () => {
    const { place } = await begun()
    const copy = checkpoints.place()
    const row = await checkpoints.row(place)
    await checkpoints.open(copy)
    for (const [column, value] of Object.entries(row ?? {}))
      if (column !== 'name') await checkpoints.edit(copy, column, value)
    await expect(checkpoints.open(copy)).rejects.toMatchObject({ code: 'ERR_CASSANDRA_CHECKPOINT_CORRUPT' })
  })

  it('in a newer format is refused, and the error names the version', async () => {
    const { place } = await begun()
    await checkpoints.edit(place, 'version', 2)
    const refused = checkpoints.open(place)
    await expect(refused).rejects.toMatchObject({ code: 'ERR_CASSANDRA_CHECKPOINT_VERSION' })
    await expect(refused).rejects.toThrow('has format version 2, but this release reads versions up to 1')
  })

  it.each([
    ['removed', (place: Place) => `DELETE FROM ${ks.name}.${place.table} WHERE name = ? IF EXISTS`],
    [
      'given another term',
      (place: Place) => `UPDATE ${ks.name}.${place.table} SET term = 99 WHERE name = ? IF EXISTS`,
    ],
  ])('fences its owner if it is %s', async (_, cql) => {
    const { place, checkpoint } = await begun()
    await ks.client.execute(cql(place), [place.name], { prepare: true })
    await expect(checkpoint.commit()).rejects.toMatchObject(fenced)
  })
})

describe('a checkpoint in a table that belongs to something else', () => {
  it('is refused for another table, or one that was created again', async () => {
    const { place } = await begun()
    const refused = (other: object) => checkpoints.open(place, { target: { ...target, ...other } })
    await expect(refused({ table: 'visits' })).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_CHECKPOINT_TARGET',
    })
    await expect(refused({ table_id: 'b' })).rejects.toThrow('remove the row to start from the beginning')
  })

  it('is accepted for another table while it has no epoch', async () => {
    const place = checkpoints.place()
    await checkpoints.open(place)
    const other = { ...target, table_id: 'b' }
    const checkpoint = await checkpoints.open(place, { target: other })
    await checkpoint.seal(sealOf(0))
    await expect(checkpoints.open(place)).rejects.toMatchObject({ code: 'ERR_CASSANDRA_CHECKPOINT_TARGET' })
  })

  it('is refused at a consistency whose transactions do not see those of earlier owners', async () => {
    const place = checkpoints.place()
    const first = await checkpoints.open(place)
    expect((await checkpoints.row(place))?.['serial']).toMatch(/^LOCAL_SERIAL in \w+$/)
    await expect(checkpoints.open(place, { consistency: 'QUORUM' })).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_CHECKPOINT_TARGET',
    })
    await first.seal(sealOf(0))
    const everywhere = checkpoints.place()
    await checkpoints.open(everywhere, { consistency: 'EACH_QUORUM' })
    expect((await checkpoints.row(everywhere))?.['serial']).toBe('SERIAL')
  })
})

describe('the table of a checkpoint', () => {
  it('is created if it does not exist, even by many owners at once', async () => {
    const places = Array.from({ length: 4 }, () => checkpoints.place('created'))
    const opened = await Promise.all(places.map(place => checkpoints.open(place)))
    await Promise.all(opened.map(checkpoint => checkpoint.seal(sealOf(0))))
    expect(await checkpoints.row(places[3] ?? checkpoints.place())).toMatchObject({ term: 1, version: 1 })
  })

  it.each([
    ['another key', 'id text PRIMARY KEY, name text', '', 'it has no column `version int`'],
    ['no column of the name', 'name text PRIMARY KEY, version int', '', 'it has no column `term int`'],
    ['a column of another type', 'name text PRIMARY KEY, version text', '', 'it has no column `version int`'],
    [
      'a longer key',
      'name text, version int, term int, owner text, write_id uuid, serial text, target text, committed text, ' +
        'sealed text, next text, checksum text, PRIMARY KEY (name, term)',
      '',
      'its primary key is not `name`',
    ],
    [
      'rows that expire',
      'name text PRIMARY KEY, version int, term int, owner text, write_id uuid, serial text, target text, ' +
        'committed text, sealed text, next text, checksum text',
      'default_time_to_live = 60',
      'its default_time_to_live is 60',
    ],
  ])('is refused with %s', async (_, definition, properties, why) => {
    const table = await ks.table(definition, properties || undefined)
    const refused = checkpoints.open(checkpoints.place(table))
    await expect(refused).rejects.toMatchObject({
      name: 'SchemaError',
      code: 'ERR_CASSANDRA_TABLE_UNSUPPORTED',
    })
    await expect(refused).rejects.toThrow(why)
    await expect(refused).rejects.toThrow('CREATE TABLE IF NOT EXISTS')
  })

  it('may have more columns, which a later release may add', async () => {
    const place = checkpoints.place('extended')
    await checkpoints.open(place)
    await ks.client.execute(`ALTER TABLE ${ks.name}.extended ADD more text`)
    await (await checkpoints.open(place)).seal(sealOf(0))
  })

  it('needs its keyspace; otherwise the error says what the keyspace is needed for', async () => {
    const place = { ...checkpoints.place(), keyspace: 'no_such_keyspace' }
    const refused = checkpoints.open(place)
    await expect(refused).rejects.toMatchObject({ code: 'ERR_CASSANDRA_KEYSPACE_NOT_FOUND' })
    await expect(refused).rejects.toThrow(/^Cannot open checkpoint `orders \d+` in table no_such_keyspace\./)
  })

  it('needs a majority of its replicas; otherwise an error says so within the time limit', async () => {
    const keyspace = `${ks.name}_of_three`
    await ks.client.execute(
      `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}`,
    )
    try {
      const place = { ...checkpoints.place(), keyspace }
      const refused = checkpoints.open(place, { retry_timeout_ms: 300 })
      await expect(refused).rejects.toMatchObject({
        code: 'ERR_CASSANDRA_CHECKPOINT_IO',
        cause: expect.any(Error),
      })
      await expect(refused).rejects.toThrow('Too few replicas are alive for a lightweight transaction')
    } finally {
      await ks.client.execute(`DROP KEYSPACE ${keyspace}`)
    }
  })

  it('is checked when options are read', () => {
    const open = (checkpoint_location: object) =>
      createMicroBatchSink({ ...ks.target, table: 't', checkpoint_location: checkpoint_location as never })
    for (const wrong of [{ keyspace: ks.name }, { name: 'x' }, { keyspace: ks.name, name: 'x', tabel: 'y' }])
      expect(() => open(wrong)).toThrow(
        /^Expected `checkpoint_location` to be a non-empty string, or `\{ keyspace/,
      )
  })
})
