import { type CqlType, quoteIdentifier, type ScalarName } from '../../lib/table/cqlType.ts'
import { type Meaning, printed } from './meaning.ts'

/** The CQL literal of a meaning. The parts of sets and maps may have any order, because the server sorts them. */
export function literalOf(type: CqlType, meaning: Meaning): string {
  if (meaning === null) return 'null'
  const listed = (element: CqlType) => (meaning as Meaning[]).map(item => literalOf(element, item)).join(', ')
  switch (type.kind) {
    case 'scalar':
      return scalarLiteral(type.name, meaning as string | boolean)
    case 'list':
    case 'vector':
      return `[${listed(type.element)}]`
    case 'set':
      return `{${listed(type.element)}}`
    case 'map':
      return `{${(meaning as Meaning[][])
        .map(([key = null, item = null]) => `${literalOf(type.key, key)}: ${literalOf(type.value, item)}`)
        .join(', ')}}`
    case 'tuple':
      return `(${type.elements.map((element, i) => literalOf(element, (meaning as Meaning[])[i] ?? null)).join(', ')})`
    case 'udt':
      return `{${type.fields
        .map(
          (field, i) =>
            `${quoteIdentifier(field.name)}: ${literalOf(field.type, (meaning as Meaning[])[i] ?? null)}`,
        )
        .join(', ')}}`
    case 'unsupported':
      throw new Error(`No value has the type ${type.text}`)
  }
}

function scalarLiteral(name: ScalarName, meaning: string | boolean): string {
  if (typeof meaning === 'boolean') return String(meaning)
  switch (name) {
    case 'ascii':
    case 'text':
      return `'${meaning.replaceAll("'", "''")}'`
    case 'blob':
      return `0x${meaning}`
    case 'date':
      return String(Number(meaning) + 2 ** 31)
    case 'duration':
      return durationLiteral(meaning)
    case 'inet':
      return meaning.length === 8
        ? `'${[...Buffer.from(meaning, 'hex')].join('.')}'`
        : `'${meaning.match(/.{4}/g)?.join(':')}'`
    case 'uuid':
    case 'timeuuid':
      return meaning.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    case 'float':
      // With a point, because `-0` without one loses its sign.
      return /^-?\d+$/.test(meaning) ? `${meaning}.0` : printed(Number(meaning))
    case 'double':
      return /^-?\d+$/.test(meaning) ? `${meaning}.0` : meaning
    default:
      return meaning
  }
}

function durationLiteral(meaning: string): string {
  const [months = '', days = '', nanoseconds = ''] = meaning.split(' ').map(part => part.replace('-', ''))
  return `${meaning.includes('-') ? '-' : ''}${months}mo${days}d${nanoseconds}ns`
}
