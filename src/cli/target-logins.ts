import type { Bundle } from '../bundle/bundle.ts';
import type { IntrospectionLogin } from '../gateway/postgresql/catalogue-source.ts';
import type { SecretSource } from '../gateway/ports.ts';
import { CodedError } from '../lib/coded-error.ts';
import type { Secret } from '../lib/secret.ts';

/** The login that reads the catalogue, as it is now. Rejects with the name of the Secret and key that are missing. */
export async function introspectionLogin({ target }: Bundle, secrets: SecretSource): Promise<IntrospectionLogin> {
  const { host, port, database, tls, credentialsSecret, introspectionSecret } = target;
  const ca = tls.caSecret === undefined ? undefined : await required(secrets, tls.caSecret, 'ca.crt');
  return {
    host,
    port,
    database,
    tls: { mode: tls.mode, ...(ca !== undefined && { ca: ca.reveal() }) },
    user: (await required(secrets, introspectionSecret, 'username')).reveal(),
    password: await required(secrets, introspectionSecret, 'password'),
    role: (await required(secrets, credentialsSecret, 'username')).reveal(),
  };
}

async function required(secrets: SecretSource, secret: string, key: string): Promise<Secret<string>> {
  const value = await secrets.read(secret, key);
  if (!value.ok) throw new CodedError('SecretMissing', value.error.message);
  return value.value;
}
