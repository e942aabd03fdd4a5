import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { Client } from 'cassandra-driver'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import * as index from '../lib/index.ts'
import type { ValueForm } from '../lib/options/readSettings.ts'
import { type CqlType, cqlTypeName, parseCqlType } from '../lib/table/cqlType.ts'
import { Bytes } from '../lib/value/bytes.ts'
import { decoderFor } from '../lib/value/decoder.ts'
import { encoderFor } from '../lib/value/encoder.ts'
import type { Refusal } from '../lib/value/refusal.ts'
import { limits, runtimes } from './runtimes/runtimes.ts'
import { kindRead, namesRead } from './values/classRead.ts'

const root = resolve(import.meta.dirname, '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(match => match[1] ?? '')
}

/** Rows of the table under a heading, by their cells. */
function tableUnder(heading: string): string[][] {
  const section = readme.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  return section
    .split('\n')
    .filter(line => line.startsWith('| `'))
    .map(line =>
      line
        .split('|')
        .slice(1, -1)
        .map(cell => cell.trim()),
    )
}

const bare = (cell: string | undefined) => cell?.replaceAll('`', '')

/** What the refusal of a value says that a type takes. */
function expectedBy(type: CqlType): string {
  try {
    encoderFor(type)(Symbol('of no type'), new Bytes(1))
  } catch (refusal) {
    return (refusal as Refusal).expected
  }
  throw new Error(`${cqlTypeName(type)} takes a symbol`)
}

/** What is read of a value that a sink was given. */
function throughBytes(type: CqlType, given: unknown, form: ValueForm): unknown {
  const out = new Bytes(1024 * 1024)
  out.begin()
  encoderFor(type)(given, out)
  const { slab, start, end } = out.close()
  return decoderFor(type, form)(slab, start, end)
}

describe('README', () => {
  it('lists every runtime with the version that is tested, and what it cannot do', () => {
    const section = readme.split('\n## Runtimes\n')[1]?.split('\n## ')[0] ?? ''
    const rows = section.split('\n').filter(line => /^\| (?!runtime)\w/.test(line))
    expect(rows.map(row => row.split(' | ').slice(0, 2).join(' | '))).toEqual(
      runtimes.map(({ name, version }) => `| ${name} | ${version}`),
    )
    for (const { runtime, reason } of limits) {
      expect(rows.find(row => row.startsWith(`| ${runtime} |`))).toContain(reason)
    }
  })

  it('lists every error code with its class, and no other', () => {
    const source = readFileSync(join(root, 'lib/errors.ts'), 'utf8')
    const unions = [...source.matchAll(/export type (\w+Error)Code =([^\n]*(?:\n {2}\|[^\n]*)*)/g)]
    const codes = unions.flatMap(([, owner, union]) =>
      [...(union ?? '').matchAll(/'(ERR_\w+)'/g)].map(([, code]) => `${code} ${owner}`),
    )
    expect(codes.length).toBeGreaterThan(20)
    const listed = tableUnder('Errors').map(([code, owner]) => `${bare(code)} ${bare(owner)}`)
    expect(listed.sort()).toEqual(codes.sort())
    for (const [, owner = ''] of unions) {
      if (owner !== 'CassandraError') expect(Object.keys(index)).toContain(owner)
    }
  })

  it('lists every type with what it takes and what a read returns in each form, and no other', () => {
    const table = tableUnder('Types').map(cells => cells.map(bare))
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

  it('raises every error code somewhere in the sources', () => {
    const listed = tableUnder('Errors').map(([code]) => bare(code) ?? '')
    const found = spawnSync('grep', ['-rhoE', "'ERR_CASSANDRA_[A-Z_]+'", 'lib', '--exclude=errors.ts'], {
      cwd: root,
      encoding: 'utf8',
    })
    for (const code of listed) expect(found.stdout).toContain(`'${code}'`)
  })
})

describe('README examples', () => {
  const { host, port, localDataCenter } = inject('cassandra')
  const folder = mkdtempSync(join(root, '.readme-'))
  const examples = blocks('ts').map((code, i) => {
    const file = join(folder, `example${i + 1}.ts`)
    return { file, code, title: code.trim().split('\n').at(-1) ?? '' }
  })

  beforeAll(async () => {
    const client = new Client({ contactPoints: [`${host}:${port}`], localDataCenter })
    for (const statement of blocks('sql').join('').split(';')) {
      if (statement.trim() !== '') await client.execute(statement)
    }
    await client.shutdown()
    for (const { file, code } of examples) {
      writeFileSync(file, code.replaceAll("host: '127.0.0.1'", `host: '${host}', port: ${port}`))
    }
    const order = { customer: '6ba7b814-9dad-41d1-80b4-00c04fd430c8', placed_at: 0, total: 1 }
    const lines = [order, { ...order, customer: 'nobody' }].map(line => JSON.stringify(line))
    writeFileSync(join(folder, 'orders.ndjson'), lines.join('\n'))
    writeFileSync(join(folder, 'orders.log'), `${lines[0]}\n`)
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../tsconfig.json', include: ['./*.ts'] }),
    )
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('has examples', () => {
    expect(examples.length).toBeGreaterThanOrEqual(5)
  })

  it('compiles every example with the strictest settings', () => {
    const { stdout, status } = spawnSync('npx', ['tsc', '-p', folder], { cwd: root, encoding: 'utf8' })
    expect(stdout).toBe('')
    expect(status).toBe(0)
  })

  it.each(examples)('runs $file', { timeout: 60_000 }, async ({ file, code }) => {
    const { code: status, stdout, stderr } = await run(file, code.includes("'SIGTERM'"))
    const complaint = code.includes('orders.ndjson') ? /^Line 2, customer: expected a UUID/ : /^$/
    expect(stderr).toMatch(complaint)
    expect(status).toBe(0)
    const promised = readme.split(code)[1]?.match(/^```\n\n {4}(.+)\n/)?.[1]
    if (promised !== undefined) expect(stdout.trim()).toBe(promised)
  })

  /** @param isEndless it goes on until it is told to end, as soon as it has said something */
  async function run(file: string, isEndless: boolean) {
    const child = spawn(process.execPath, ['--import', 'tsx', file], {
      cwd: folder,
      env: {
        ...process.env,
        CASSANDRA_CONTACT_POINTS: `${host}:${port}`,
        TSX_TSCONFIG_PATH: join(root, 'tsconfig.json'),
      },
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    if (isEndless) child.stdout.once('data', () => child.kill('SIGTERM'))
    const ended = once(child, 'close')
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
    const [code] = (await ended) as [number | null]
    return { code, stdout, stderr }
  }
})
