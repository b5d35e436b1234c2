import { PASSWORDS_AT_ONCE } from './users/password-capacity';

/** What else uses the threads: signatures, names that are looked up, files. As many as Node has by default. */
const FOR_OTHERS = 4;

// Read once, when the first thread is needed: so that no token waits for passwords. What is set already stays.
process.env.UV_THREADPOOL_SIZE ??= String(PASSWORDS_AT_ONCE + FOR_OTHERS);
