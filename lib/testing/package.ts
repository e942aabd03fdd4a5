import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/**
 * Loads a package that only some calls need. By `require` if possible, because Jest has no `import()`.
 * @throws the error of Node when it is not installed.
 */
export async function loadPackage<Exports>(name: string): Promise<Exports> {
  try {
    return require(name) as Exports
  } catch (error) {
    // An older Node cannot require an ES module.
    if ((error as { readonly code?: unknown }).code !== 'ERR_REQUIRE_ESM') throw error
    return (await import(name)) as Exports
  }
}
