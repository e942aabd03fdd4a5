import { describe, expect, it } from 'vitest'
import { choose, type Surroundings, type Wanted } from '../../../lib/testing/choose.ts'

const plain: Wanted = { nodes: 1, auth: false, tls: false, durable: false }
const java17 = { command: '/opt/17/bin/java', major: 17, says: '17.0.15' }
const java21 = { command: '/opt/21/bin/java', major: 21, says: '21.0.2' }

const everything: Surroundings = {
  contactPoints: '127.0.0.1:9042',
  docker: true,
  testcontainers: true,
  java: [java17],
  maven: true,
  jarsCached: false,
}
const nothing: Surroundings = {
  contactPoints: undefined,
  docker: false,
  testcontainers: false,
  java: [],
  maven: false,
  jarsCached: false,
}

describe('choosing where a Cassandra comes from', () => {
  it('prefers the server of the environment', () => {
    expect(choose(plain, everything)).toBe('environment')
  })

  it('chooses Docker if the variable is not set or blank', () => {
    expect(choose(plain, { ...everything, contactPoints: undefined })).toBe('docker')
    expect(choose(plain, { ...everything, contactPoints: '  ' })).toBe('docker')
  })

  it('chooses Java without Docker, or without testcontainers', () => {
    const around = { ...everything, contactPoints: undefined }
    expect(choose(plain, { ...around, docker: false })).toBe('maven')
    expect(choose(plain, { ...around, testcontainers: false })).toBe('maven')
  })

  it.each<Partial<Wanted>>([
    { nodes: 3 },
    { auth: true },
    { tls: true },
    { tls: 'mutual' },
    { durable: true },
  ])('chooses Java for %o whatever else is available', more => {
    expect(choose({ ...plain, ...more }, everything)).toBe('maven')
  })

  it('needs no Maven if the jars are in the cache', () => {
    expect(choose(plain, { ...nothing, java: [java17], jarsCached: true })).toBe('maven')
  })

  it('skips a Java version on which Cassandra does not run', () => {
    expect(choose(plain, { ...nothing, java: [java21, java17], maven: true })).toBe('maven')
    expect(() => choose(plain, { ...nothing, java: [java21], maven: true })).toThrow(
      'install Java 17 (or 11) and put it on the PATH or in JAVA_HOME (/opt/21/bin/java is 21.0.2)',
    )
  })

  it('names all three choices if none of them is available', () => {
    expect(() => choose(plain, nothing)).toThrow(/CASSANDRA_CONTACT_POINTS=.*Docker engine.*Java 17.*Maven/s)
    expect(() => choose(plain, nothing)).toThrow(expect.objectContaining({ code: 'ERR_CASSANDRA_START' }))
  })

  it('names only the missing one of Java and Maven', () => {
    expect(() => choose(plain, { ...nothing, java: [java17] })).toThrow(/ {2}- install Maven.*$/)
    expect(() => choose(plain, { ...nothing, maven: true })).toThrow(
      / {2}- install Java.*no java was found\)$/,
    )
  })

  it('names only the package if a Docker engine answers', () => {
    expect(() => choose(plain, { ...nothing, docker: true })).toThrow(
      '  - run `npm install --save-dev testcontainers`',
    )
  })

  it('does not offer the environment or Docker for a login', () => {
    expect(() => choose({ ...plain, auth: true }, nothing)).toThrow(
      expect.objectContaining({ message: expect.not.stringMatching(/CONTACT_POINTS|Docker/) }),
    )
  })
})
