import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startCassandra } from '../../../lib/testing/index.ts'

let empty: string

// A machine without Docker, Java or Maven.
beforeEach(() => {
  empty = mkdtempSync(join(tmpdir(), 'cassandra-streams-nothing-'))
  const nothing = {
    CASSANDRA_CONTACT_POINTS: '',
    DOCKER_HOST: `unix://${join(empty, 'no.sock')}`,
    JAVA_HOME: '',
    PATH: empty,
    XDG_CACHE_HOME: empty,
  }
  for (const [name, value] of Object.entries(nothing)) vi.stubEnv(name, value)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(empty, { recursive: true })
})

describe('starting a Cassandra', () => {
  it('fails with all three ways if none is available, and says what to install', async () => {
    await expect(startCassandra()).rejects.toMatchObject({
      name: 'CassandraStartError',
      code: 'ERR_CASSANDRA_START',
      message: [
        'Found no way to start a Cassandra. Do one of these:',
        '  - set CASSANDRA_CONTACT_POINTS to a Cassandra of yours, for example CASSANDRA_CONTACT_POINTS=127.0.0.1:9042',
        '  - start a Docker engine (none answers at DOCKER_HOST or its usual sockets)',
        '  - install Java 17 (or 11) and put it on the PATH or in JAVA_HOME (no java was found) and install Maven 3.6 ' +
          'or later (no `mvn` on the PATH)',
      ].join('\n'),
    })
  })

  it('fails for several nodes without Java, which is the only way to start them', async () => {
    await expect(startCassandra({ nodes: 3 })).rejects.toThrow(
      'Several nodes, `auth`, `tls` and `durable` need Java and Maven. Do this:',
    )
  })

  it.each([0, 4, 1.5, Number.NaN])('refuses %s nodes', async nodes => {
    await expect(startCassandra({ nodes })).rejects.toThrow(
      `Expected \`nodes\` to be 1, 2 or 3, got ${nodes}`,
    )
  })
})
