export const scalarNames = [
  'ascii',
  'bigint',
  'blob',
  'boolean',
  'date',
  'decimal',
  'double',
  'duration',
  'float',
  'inet',
  'int',
  'smallint',
  'text',
  'time',
  'timestamp',
  'timeuuid',
  'tinyint',
  'uuid',
  'varint',
] as const

export type ScalarName = (typeof scalarNames)[number]

export interface UdtField {
  readonly name: string
  readonly type: CqlType
}

/** A column type, as `system_schema` describes it. `frozen` matters only to how the server merges two writes. */
export type CqlType =
  | { readonly kind: 'scalar'; readonly name: ScalarName }
  | { readonly kind: 'list' | 'set'; readonly element: CqlType; readonly frozen: boolean }
  | { readonly kind: 'map'; readonly key: CqlType; readonly value: CqlType; readonly frozen: boolean }
  | { readonly kind: 'tuple'; readonly elements: readonly CqlType[] }
  | { readonly kind: 'vector'; readonly element: CqlType; readonly dimension: number }
  | {
      readonly kind: 'udt'
      /** Quoted where CQL needs it. */
      readonly name: string
      readonly fields: readonly UdtField[]
      readonly frozen: boolean
    }
  /** A counter, a custom type, or a type that this version does not know. No value of it can be written. */
  | { readonly kind: 'unsupported'; readonly text: string }

/** The fields of a user-defined type by name, or undefined if the keyspace has no such type. */
export type UdtLookup = (name: string) => readonly { name: string; type: string }[] | undefined

const scalars: ReadonlySet<string> = new Set(scalarNames)

/** Double-quotes an identifier so that case and reserved words survive. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** The type as CQL spells it: `map<text, frozen<list<int>>>`. */
export function cqlTypeName(type: CqlType): string {
  switch (type.kind) {
    case 'scalar':
      return type.name
    case 'list':
    case 'set':
      return freeze(type.frozen, `${type.kind}<${cqlTypeName(type.element)}>`)
    case 'map':
      return freeze(type.frozen, `map<${cqlTypeName(type.key)}, ${cqlTypeName(type.value)}>`)
    case 'tuple':
      return freeze(true, `tuple<${type.elements.map(cqlTypeName).join(', ')}>`)
    case 'vector':
      return `vector<${cqlTypeName(type.element)}, ${type.dimension}>`
    case 'udt':
      return freeze(type.frozen, type.name)
    case 'unsupported':
      return type.text
  }
}

function freeze(frozen: boolean, name: string): string {
  return frozen ? `frozen<${name}>` : name
}

/** Reads the text of `system_schema.columns.type`. A custom, counter or unknown type, at any depth, is unsupported as a whole. */
export function parseCqlType(text: string, lookupUdt: UdtLookup): CqlType {
  try {
    return parse(text, lookupUdt)
  } catch (error) {
    if (error instanceof UnknownType) return { kind: 'unsupported', text }
    throw error
  }
}

class UnknownType extends Error {}

function parse(text: string, lookupUdt: UdtLookup): CqlType {
  const tokens = text.match(/"(?:[^"]|"")*"|'(?:[^']|'')*'|[\w.]+|[<>,]/g) ?? []
  let next = 0

  function take(expected?: string): string {
    const token = tokens[next++]
    if (token === undefined || (expected !== undefined && token !== expected)) throw new UnknownType()
    return token
  }

  function argumentsOf<T>(read: () => T): T[] {
    take('<')
    const found = [read()]
    while (tokens[next] === ',') {
      take(',')
      found.push(read())
    }
    take('>')
    return found
  }

  function only(types: CqlType[], count: number): CqlType[] {
    if (types.length !== count) throw new UnknownType()
    return types
  }

  function type(frozen: boolean): CqlType {
    const token = take()
    const name = token.toLowerCase()
    if (name === 'varchar') return { kind: 'scalar', name: 'text' }
    if (scalars.has(name)) return { kind: 'scalar', name: name as ScalarName }
    if (tokens[next] === '<') {
      if (name === 'frozen') {
        const [inner] = only(
          argumentsOf(() => type(true)),
          1,
        )
        return inner as CqlType
      }
      if (name === 'list' || name === 'set') {
        const [element] = only(
          argumentsOf(() => type(false)),
          1,
        )
        return { kind: name, element: element as CqlType, frozen }
      }
      if (name === 'map') {
        const [key, value] = only(
          argumentsOf(() => type(false)),
          2,
        )
        return { kind: 'map', key: key as CqlType, value: value as CqlType, frozen }
      }
      if (name === 'tuple') return { kind: 'tuple', elements: argumentsOf(() => type(false)) }
      if (name === 'vector') return vector()
      throw new UnknownType()
    }
    return udt(token, frozen)
  }

  function vector(): CqlType {
    take('<')
    const element = type(false)
    take(',')
    const dimension = Number(take())
    take('>')
    return { kind: 'vector', element, dimension }
  }

  function udt(token: string, frozen: boolean): CqlType {
    const name = token.startsWith('"') ? token.slice(1, -1).replaceAll('""', '"') : token
    const fields = lookupUdt(name)
    if (fields === undefined) throw new UnknownType()
    return {
      kind: 'udt',
      name: token,
      frozen,
      fields: fields.map(field => ({ name: field.name, type: parse(field.type, lookupUdt) })),
    }
  }

  const parsed = type(false)
  if (next !== tokens.length) throw new UnknownType()
  return parsed
}
