import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Semaphore } from '../../../lib/write/semaphore.ts'
import { settled } from '../../stream/support.ts'

/** Asks for a permit; the name is noted when it is given. */
function asker(semaphore: Semaphore) {
  const given: string[] = []
  const ask = (name: string, bytes = 1) => {
    const wait = semaphore.acquire(bytes)
    if (wait === undefined) given.push(name)
    else wait.then(() => given.push(name)).catch(error => given.push(`${name}: ${error.message}`))
    return wait
  }
  return { given, ask }
}

describe('permits', () => {
  it('are given at once, without a promise, while some are free', () => {
    const semaphore = new Semaphore(() => 2, 100)
    expect(semaphore.acquire(1)).toBeUndefined()
    expect(semaphore.acquire(1)).toBeUndefined()
    expect(semaphore.taken).toBe(2)
    expect(semaphore.acquire(1)).toBeInstanceOf(Promise)
    expect(semaphore.taken).toBe(2)
  })

  it('go to those who wait in the order they came, one for each that is given back', async () => {
    const semaphore = new Semaphore(() => 1, 100)
    const { given, ask } = asker(semaphore)
    for (const name of ['a', 'b', 'c']) ask(name)
    await settled()
    expect(given).toEqual(['a'])
    semaphore.release(1)
    await settled()
    expect(given).toEqual(['a', 'b'])
    semaphore.release(1)
    await settled()
    expect(given).toEqual(['a', 'b', 'c'])
  })

  it('are not taken from under those who wait', async () => {
    const semaphore = new Semaphore(() => 2, 100)
    const { given, ask } = asker(semaphore)
    ask('a', 60)
    ask('large', 60)
    // It would fit, but it came after one that does not.
    expect(ask('small', 1)).toBeInstanceOf(Promise)
    semaphore.release(60)
    await settled()
    expect(given).toEqual(['a', 'large', 'small'])
  })

  it('are bounded by bytes as well', () => {
    const semaphore = new Semaphore(() => 100, 100)
    expect(semaphore.acquire(60)).toBeUndefined()
    expect(semaphore.acquire(40)).toBeUndefined()
    expect(semaphore.acquire(1)).toBeInstanceOf(Promise)
  })

  it('are given to a request above the byte bound when it is alone, and only then', async () => {
    const semaphore = new Semaphore(() => 100, 100)
    const { given, ask } = asker(semaphore)
    ask('a')
    ask('huge', 1_000)
    await settled()
    expect(given).toEqual(['a'])
    semaphore.release(1)
    await settled()
    expect(given).toEqual(['a', 'huge'])
    expect(ask('next')).toBeInstanceOf(Promise)
  })

  it('follow a bound that moves', async () => {
    let most = 1
    const semaphore = new Semaphore(() => most, 100)
    const { given, ask } = asker(semaphore)
    for (const name of ['a', 'b', 'c']) ask(name)
    most = 2
    semaphore.release(1)
    await settled()
    expect(given).toEqual(['a', 'b', 'c'])
    most = 1
    ask('d')
    semaphore.release(1)
    await settled()
    expect(given).toEqual(['a', 'b', 'c'])
    semaphore.release(1)
    await settled()
    expect(given).toEqual(['a', 'b', 'c', 'd'])
  })

  it('are one more even when the bound is zero, so that nothing stands still', () => {
    expect(new Semaphore(() => 0, 0).acquire(5)).toBeUndefined()
  })

  it('are refused to all who wait, and to all who come, when it is closed; the first reason stays', async () => {
    const semaphore = new Semaphore(() => 1, 100)
    const { given, ask } = asker(semaphore)
    for (const name of ['a', 'b', 'c']) ask(name)
    semaphore.close(new Error('over'))
    semaphore.close(new Error('again'))
    ask('d')
    await settled()
    expect(given).toEqual(['a', 'b: over', 'c: over', 'd: over'])
    semaphore.release(1)
    expect(semaphore.taken).toBe(0)
  })

  it('lose nobody and exceed no bound, whatever the order of asking and giving back', async () => {
    const acts = fc.array(fc.oneof(fc.integer({ min: 1, max: 120 }), fc.constant('release' as const)))
    await fc.assert(
      fc.asyncProperty(acts, fc.integer({ min: 1, max: 5 }), async (list, most) => {
        const semaphore = new Semaphore(() => most, 100)
        const held: number[] = []
        const order: number[] = []
        let asked = 0
        const giveBack = async () => {
          const bytes = held.shift()
          if (bytes !== undefined) semaphore.release(bytes)
          await Promise.resolve()
        }
        const hold = (name: number, bytes: number) => {
          order.push(name)
          held.push(bytes)
        }
        for (const act of list) {
          if (act === 'release') {
            await giveBack()
            continue
          }
          const name = asked++
          const wait = semaphore.acquire(act)
          if (wait === undefined) hold(name, act)
          else void wait.then(() => hold(name, act))
          await Promise.resolve()
          expect(held.length).toBeLessThanOrEqual(most)
          if (held.length > 1) expect(held.reduce((sum, bytes) => sum + bytes)).toBeLessThanOrEqual(100)
        }
        while (held.length > 0) {
          await giveBack()
          await Promise.resolve()
        }
        expect(order).toEqual(Array.from({ length: asked }, (_, i) => i))
        expect(semaphore.taken).toBe(0)
      }),
    )
  })
})
