import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { LAST_LINE, leaksIn, problemsOf } from '../../canary/scan.ts'

const secret = 'canary-0b6d1a58-5f4c-4e3e-9a51-6f1f0c2f7a3d'
const bytes = Buffer.from(secret)

/** Ways in which a program may print a password. */
const prints: readonly (readonly [string, string])[] = [
  ['text', `password: '${secret}'`],
  ['text in colors', `password: '${secret.replace('-', '\u001b[32m-\u001b[39m')}'`],
  ['a URL', `cassandra://canary:${encodeURIComponent(secret)}@db1`],
  ['base64', bytes.toString('base64')],
  ['base64 after a user name', Buffer.from(`canary:${secret}`).toString('base64')],
  ['base64 after a zero byte, as SASL sends it', Buffer.from(`\0canary\0${secret}`).toString('base64')],
  ['hex', bytes.toString('hex')],
  ['a Buffer', inspect(bytes)],
  ['a Uint8Array', inspect(new Uint8Array(bytes))],
  ['a Buffer in JSON', JSON.stringify({ bytes })],
  ['a Buffer in indented JSON', JSON.stringify({ bytes }, null, 2)],
]

describe('the scan of the log', () => {
  it.each(prints)('finds the canary as %s, and does not print it', (_, print) => {
    const found = leaksIn(`before\n${print}\nafter`, secret)
    expect(found).toHaveLength(1)
    expect(leaksIn(found.join(), secret)).toEqual([])
  })

  it('names the line', () => {
    expect(leaksIn(`one\ntwo ${secret} of it`, secret)).toEqual(['line 2: two *** of it'])
  })

  it('finds nothing in the name of the user, and in half a canary', () => {
    expect(leaksIn(`canary ${secret.slice(0, 20)}`, secret)).toEqual([])
  })

  it('fails for a leak in a report, a log that is empty or cut off, and without a canary', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'scan-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const [log, empty] = [file('log', `fine\n${LAST_LINE}\n`), file('empty', '')]
    const report = file('report', `{"message":"${secret}"}`)
    expect(problemsOf(secret, log, [empty])).toEqual([])
    expect(problemsOf(secret, log, [empty, report])).toEqual([expect.stringContaining(report)])
    expect(problemsOf(secret, empty, [])).toEqual([expect.stringContaining(LAST_LINE)])
    expect(problemsOf(secret, file('cut', `fine\n${LAST_LINE.slice(0, -1)}`), [])).toHaveLength(1)
    expect(problemsOf('', log, [])).toEqual(['CANARY is not set'])
  })

  it('gets the line that CI prints last', () => {
    const ci = readFileSync(resolve(import.meta.dirname, '../../../.ci/run'), 'utf8')
    expect(ci).toContain(`echo '${LAST_LINE}'`)
  })
})
