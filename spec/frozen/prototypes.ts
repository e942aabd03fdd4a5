/**
 * Freezes what a prototype pollution would change. An assignment to an inherited name, such as `constructor`, then throws.
 * Two drivers are loaded before, because `long`, which they depend on, makes such assignments while it is loaded.
 */
import 'cassandra-driver'
import '../values/secondDriver.ts'

Object.freeze(Object.prototype)
Object.freeze(Array.prototype)
