import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { areJarsIn, fetchJars, jarFolder } from '../../../lib/testing/jars.ts'

let temporary: string

beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'cassandra-streams-jars-'))
  vi.stubEnv('PATH', `${temporary}${delimiter}${process.env['PATH']}`)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(temporary, { recursive: true })
})

/** Puts a fake `mvn` on the PATH. `$target` is the folder that it must fill. */
function fakeMaven(body: string): Promise<void> {
  const script = `#!/bin/sh\nfor argument; do target=\${argument#-DoutputDirectory=}; done\n${body}\n`
  return writeFile(join(temporary, 'mvn'), script, { mode: 0o755 })
}

describe('the cache of jars', () => {
  it('is below XDG_CACHE_HOME, with a folder per version of Cassandra', async () => {
    expect(await jarFolder({ XDG_CACHE_HOME: '/cache' })).toMatch(
      /^\/cache\/cassandra-streams\/cassandra-5\.0\.\d+$/,
    )
  })

  it('has another folder for another version, which Maven downloads', async () => {
    await fakeMaven('mkdir -p "$target" && echo "$@" > "$target/arguments"')
    const folder = await jarFolder({ XDG_CACHE_HOME: temporary }, '6.0')
    expect(basename(folder)).toBe('cassandra-6.0')
    await fetchJars(folder, '6.0')
    expect(await readFile(join(folder, 'arguments'), 'utf8')).toContain('-Dcassandra.version=6.0 ')
  })

  it('is complete and has no leftovers if two processes fill it at once', async () => {
    await fakeMaven('mkdir -p "$target" && sleep 0.2 && touch "$target/a.jar"')
    const folder = join(temporary, 'cache', 'cassandra-5')
    await Promise.all([fetchJars(folder), fetchJars(folder)])
    expect(await readdir(folder)).toEqual(['a.jar'])
    expect(await readdir(dirname(folder))).toEqual([basename(folder)])
  })

  it('does not exist if Maven fails, and the error shows the output of Maven', async () => {
    await fakeMaven('mkdir -p "$target" && touch "$target/a.jar"; echo "no route to repository"; exit 1')
    const folder = join(temporary, 'cache', 'cassandra-5')
    await expect(fetchJars(folder)).rejects.toThrow('no route to repository')
    expect(await areJarsIn(folder)).toBe(false)
    expect(await readdir(dirname(folder))).toEqual([])
  })
})
