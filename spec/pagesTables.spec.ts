import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as index from '../lib/index.ts'
import type { ValueForm } from '../lib/options/readSettings.ts'
import { type CqlType, cqlTypeName, parseCqlType } from '../lib/table/cqlType.ts'
import { Bytes } from '../lib/value/bytes.ts'
import { decoderFor } from '../lib/value/decoder.ts'
import { encoderFor } from '../lib/value/encoder.ts'
import type { Refusal } from '../lib/value/refusal.ts'
import { page, root, sectionOf, tableUnder } from './pages.ts'
import { limits, runtimes } from './runtimes/runtimes.ts'
import { servers } from './servers/servers.ts'
import { kindRead, namesRead } from './values/classRead.ts'

const bare = (cell: string | undefined) => cell?.replaceAll('`', '')
const codeRows = () => tableUnder(page('docs/errors.md'), 'Codes')

/** The accepted values of a type, as a refusal names them. */
function expectedBy(type: CqlType): string {
  try {
    encoderFor(type)(Symbol('of no type'), new Bytes(1))
  } catch (refusal) {
    return (refusal as Refusal).expected
  }
  throw new Error(`${cqlTypeName(type)} takes a symbol`)
}

/** A value after a sink encoded it and a reader decoded it. */
function throughBytes(type: CqlType, given: unknown, form: ValueForm): unknown {
  const out = new Bytes(1024 * 1024)
  out.begin()
  encoderFor(type)(given, out)
  const { slab, start, end } = out.close()
  return decoderFor(type, form)(slab, start, end)
}

describe('the tables of the pages', () => {
  it('list every tested runtime with its version and its limits', () => {
    const section = sectionOf(page('docs/runtimes.md'), 'Runtimes')
    const rows = section.split('\n').filter(line => /^\| (?!runtime)\w/.test(line))
    expect(rows.map(row => row.split(' | ').slice(0, 2).join(' | '))).toEqual(
      runtimes.map(({ name, version }) => `| ${name} | ${version}`),
    )
    for (const { runtime, reason } of limits) {
      expect(rows.find(row => row.startsWith(`| ${runtime} |`))).toContain(reason)
    }
  })

  it('list every version of Cassandra that is tested', () => {
    const section = sectionOf(page('docs/runtimes.md'), 'Versions of Cassandra')
    const rows = section.split('\n').filter(line => /^\| \d/.test(line))
    expect(rows.map(row => row.split('|')[1]?.trim())).toEqual(servers.map(({ version }) => version))
  })

  it('list every error code with its class, and no other', () => {
    const source = readFileSync(join(root, 'lib/errors.ts'), 'utf8')
    const unions = [...source.matchAll(/export type (\w+Error)Code =([^\n]*(?:\n {2}\|[^\n]*)*)/g)]
    const codes = unions.flatMap(([, owner, union]) =>
      [...(union ?? '').matchAll(/'(ERR_\w+)'/g)].map(([, code]) => `${code} ${owner}`),
    )
    expect(codes.length).toBeGreaterThan(20)
    const listed = codeRows().map(([code, owner]) => `${bare(code)} ${bare(owner)}`)
    expect(listed.sort()).toEqual(codes.sort())
    for (const [, owner = ''] of unions) {
      if (owner !== 'CassandraError') expect(Object.keys(index)).toContain(owner)
    }
  })

  it('list only codes that the sources raise', () => {
    const found = spawnSync('grep', ['-rhoE', "'ERR_CASSANDRA_[A-Z_]+'", 'lib', '--exclude=errors.ts'], {
      cwd: root,
      encoding: 'utf8',
    })
    for (const [code] of codeRows()) expect(found.stdout).toContain(`'${bare(code)}'`)
  })

  it('list every process warning, and no other', () => {
    const found = spawnSync('grep', ['-rhoE', "'CASSANDRA_STREAMS_[A-Z_]+'", 'lib'], {
      cwd: root,
      encoding: 'utf8',
    })
    const emitted = [...new Set(found.stdout.replaceAll("'", '').trim().split('\n'))]
    const listed = tableUnder(page('docs/observing.md'), 'Process warnings').map(([code]) => bare(code))
    expect(listed.sort()).toEqual(emitted.sort())
  })

  it('list every type with the accepted values and the result of a read in each form, and no other type', () => {
    const table = tableUnder(page('docs/types.md'), 'The table').map(cells => cells.map(bare))
    const fields = [
      { name: 'street', type: 'text' },
      { name: 'zip', type: 'int' },
    ]
    const listed = table.map(([name = '', takes, plain, json = '', driver]) => {
      const type = parseCqlType(name.replace(' (a user-defined type)', ''), udt =>
        udt === 'address' ? fields : undefined,
      )
      const read = (form: ValueForm) => throughBytes(type, JSON.parse(json), form)
      expect({ name, takes, plain, json, driver }).toEqual({
        name,
        takes: expectedBy(type),
        plain: kindRead(read('plain')),
        json: JSON.stringify(read('json')),
        driver: kindRead(read('driver')),
      })
      return type.kind === 'scalar' ? type.name : type.kind
    })
    expect([...new Set(listed)].sort()).toEqual([...namesRead].sort())
  })
})
