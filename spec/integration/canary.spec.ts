import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { Client } from 'cassandra-driver'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { CassandraStreamsError } from '../../lib/index.ts'
import { type Cassandra, startCassandra } from '../../lib/testing/index.ts'
import { failures, type Stage } from '../canary/failures.ts'
import { login } from '../canary/login.ts'
import { expectHidden, textsOf } from '../leaks.ts'

/** A password that occurs nowhere else, so every match is a leak. */
const { password: canary } = login

/** Codes of failures that have a promise besides that of the password. */
const codes: Readonly<Record<string, string>> = {
  // The driver tries to connect again, so the rows wait for the old password to be valid again.
  'a password that changes before a sink loses its connections': 'ERR_CASSANDRA_RETRY_TIMEOUT',
}

let cassandra: Cassandra
let stage: Stage

beforeAll(async () => {
  cassandra = await startCassandra({ auth: true })
  const { contactPoints, localDataCenter, port, username = '', password = '' } = cassandra
  stage = { port, localDataCenter, admin: { username, password }, canary }
  const admin = new Client({ contactPoints, localDataCenter, credentials: { username, password } })
  await admin.execute(
    `CREATE KEYSPACE canary WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
  )
  await admin.execute('CREATE TABLE canary.t (id int PRIMARY KEY)')
  for (const role of ['loader', 'stranger']) {
    await admin.execute(`CREATE ROLE ${role} WITH PASSWORD = '${canary}' AND LOGIN = true`)
  }
  await admin.execute('GRANT MODIFY ON canary.t TO loader')
  await admin.shutdown()
})
afterAll(() => cassandra?.stop())

describe('the password', () => {
  it.each(Object.entries(failures))('does not leak with %s', async (name, provoke) => {
    const warnings: Error[] = []
    const printed: string[] = []
    const keep = (warning: Error) => warnings.push(warning)
    const hear = (chunk: unknown) => printed.push(String(chunk)) > 0
    process.on('warning', keep)
    const spies = [process.stdout, process.stderr].map(to => vi.spyOn(to, 'write').mockImplementation(hear))
    const seen: unknown[] = []
    const failure = await provoke(stage, value => seen.push(value)).then(
      () => undefined,
      (error: unknown) => error,
    )
    for (const spy of spies) spy.mockRestore()
    // Warnings are emitted in the next turn.
    await new Promise(setImmediate)
    process.off('warning', keep)
    expect(failure).toBeInstanceOf(CassandraStreamsError)
    if (name in codes) expect(failure).toMatchObject({ code: codes[name] })
    expectHidden(canary, [...printed, ...[failure, ...seen, ...warnings].flatMap(textsOf)])
  })

  it('is not printed by a process that prints every failure and dies of the last one', async () => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--trace-warnings', 'spec/canary/child.ts', JSON.stringify(stage)],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit'),
    ])
    expect(code).toBe(1)
    expect(out.match(/.*: did not fail/g)).toBeNull()
    expect(err).toContain('ERR_CASSANDRA_AUTH')
    expectHidden(canary, [out, err])
  })
})
