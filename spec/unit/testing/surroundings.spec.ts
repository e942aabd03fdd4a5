import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { dockerAnswers, engines } from '../../../lib/testing/docker.ts'
import { readContactPoints } from '../../../lib/testing/environment.ts'
import { readMajor } from '../../../lib/testing/java.ts'

describe('CASSANDRA_CONTACT_POINTS', () => {
  it('has the port 9042 by default', () => {
    expect(readContactPoints(' a.example, 10.0.0.1:9043,[::1]:9044 ,')).toEqual([
      'a.example:9042',
      '10.0.0.1:9043',
      '[::1]:9044',
    ])
  })

  it('is refused if a port is no number', () => {
    expect(() => readContactPoints('a:b')).toThrow('Expected CASSANDRA_CONTACT_POINTS')
  })
})

describe('the output of java -version', () => {
  it.each([
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['openjdk version "11.0.2" 2019-01-15', 11],
    ['java version "1.8.0_402"', 8],
    ['openjdk version "21" 2023-09-19', 21],
  ])('%s is read as %i', (output, major) => {
    expect(readMajor(output)?.major).toBe(major)
  })

  it('without a version counts as no Java', () => {
    expect(
      readMajor('The operation could not be completed. Unable to locate a Java Runtime.'),
    ).toBeUndefined()
  })
})

describe('looking for a Docker engine', () => {
  it('uses only DOCKER_HOST if it is set', () => {
    expect(engines({ DOCKER_HOST: 'unix:///run/d.sock' })).toEqual([{ socketPath: '/run/d.sock' }])
    expect(engines({ DOCKER_HOST: 'tcp://10.0.0.1:2376' })).toEqual([{ host: '10.0.0.1', port: 2376 }])
    expect(engines({ DOCKER_HOST: 'ssh://somewhere' })).toEqual([])
  })

  it('finds an engine that answers a ping, and none after it has stopped', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cassandra-streams-docker-'))
    const socket = join(folder, 'd.sock')
    const env = { DOCKER_HOST: `unix://${socket}` }
    const engine = createServer((asked, answer) => answer.writeHead(asked.url === '/_ping' ? 200 : 404).end())
    await once(engine.listen(socket), 'listening')
    expect(await dockerAnswers(env)).toBe(true)
    engine.close()
    await once(engine, 'close')
    expect(await dockerAnswers(env)).toBe(false)
    await rm(folder, { recursive: true })
  })
})
