// Asks the service as a stranger would: by descriptors made here, with the real Connect client.
import assert from "node:assert/strict";
import { create, createFileRegistry } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label as Label, FieldDescriptorProto_Type as Type, FileDescriptorSetSchema,
  MethodOptions_IdempotencyLevel as Idempotency,
} from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";

const field = (name, number, type, more = {}) =>
  ({ name, number, type, label: Label.OPTIONAL, jsonName: name.replace(/_(.)/g, (_, c) => c.toUpperCase()), ...more });
const user = ".user.v1.User";
const file = {
  name: "user/v1/user.proto", package: "user.v1", syntax: "proto3",
  messageType: [
    { name: "User", field: [field("id", 1, Type.STRING), field("email", 2, Type.STRING), field("name", 3, Type.STRING)] },
    { name: "CreateUserRequest", field: [field("email", 1, Type.STRING), field("name", 2, Type.STRING)] },
    { name: "CreateUserResponse", field: [field("id", 1, Type.STRING)] },
    { name: "GetUserRequest", field: [field("id", 1, Type.STRING)] },
    { name: "GetUserResponse", field: [field("user", 1, Type.MESSAGE, { typeName: user })] },
    { name: "ListUsersRequest", field: [field("limit", 1, Type.INT64), field("offset", 2, Type.INT64)] },
    { name: "ListUsersResponse", field: [field("users", 1, Type.MESSAGE, { typeName: user, label: Label.REPEATED })] },
    { name: "Nothing" },
  ],
  service: [{
    name: "UserService",
    method: [
      { name: "CreateUser", inputType: ".user.v1.CreateUserRequest", outputType: ".user.v1.CreateUserResponse" },
      ...["GetUser", "ListUsers"].map((name) => ({
        name, inputType: `.user.v1.${name}Request`, outputType: `.user.v1.${name}Response`,
        options: { idempotencyLevel: Idempotency.NO_SIDE_EFFECTS },
      })),
      { name: "Vanish", inputType: ".user.v1.Nothing", outputType: ".user.v1.Nothing" },
    ],
  }],
};
const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] }));
const service = registry.getService("user.v1.UserService");
const baseUrl = process.argv[2];

// How many requests of that method the service has answered with 200, as it counts them itself.
const answered = async (method) => {
  const metrics = await (await fetch(`${baseUrl}/metrics`)).text();
  const of = (name) => new RegExp(`^http_requests_total\\{route="${method} /user.v1.UserService/${name}",status="200"\\} (\\d+)$`, "m");
  return ["GetUser", "ListUsers"].map((name) => Number(of(name).exec(metrics)?.[1] ?? 0));
};
const client = (useHttpGet, more = {}) =>
  createClient(service, createConnectTransport({
    baseUrl, httpVersion: "1.1", useBinaryFormat: false, useHttpGet,
    jsonOptions: { ignoreUnknownFields: true }, ...more,
  }));
const code_of = async (call) => {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof ConnectError, String(error));
    assert.notEqual(error.rawMessage, "");
    return error.code;
  }
  return undefined;
};

const by_post = client(false);
const { id } = await by_post.createUser({ email: "Ada@example.com", name: "Ada ½" },
                                        { headers: { "Idempotency-Key": "k-1" } });
assert.match(id, /^[0-9a-f-]{36}$/);
const again = await by_post.createUser({ email: "Ada@example.com", name: "Ada ½" }, { headers: { "Idempotency-Key": "k-1" } });
assert.equal(again.id, id, "the same key twice is one user");

for (const [use_get, method] of [[false, "POST"], [true, "GET"]]) {
  const reader = client(use_get);
  const before = await answered(method);
  const { user: read } = await reader.getUser({ id });
  assert.equal(read.email, "ada@example.com");
  assert.equal(read.name, "Ada ½");
  const { users } = await reader.listUsers({ limit: 10n });
  assert.deepEqual(users.map((one) => one.id), [id]);
  assert.deepEqual(await answered(method), before.map((count) => count + 1), `asked by ${method}`);
  assert.equal(await code_of(reader.getUser({ id: "00000000-0000-4000-8000-000000000000" })), Code.NotFound, method);
  assert.equal(await code_of(reader.getUser({ id: "none" })), Code.InvalidArgument, method);
  assert.equal(await code_of(reader.listUsers({ limit: 101n })), Code.InvalidArgument, method);
}
assert.equal(await code_of(by_post.createUser({ email: "ada@example.com", name: "Other" })), Code.AlreadyExists);
assert.equal(await code_of(by_post.createUser({ email: "nobody", name: "N" })), Code.InvalidArgument);
assert.equal(await code_of(by_post.createUser({ email: "Ada@example.com", name: "Eve" }, { headers: { "Idempotency-Key": "k-1" } })),
             Code.FailedPrecondition, "a key that was used for another request");
assert.equal(await code_of(by_post.vanish({})), Code.Unimplemented);
assert.equal(await code_of(client(false, { useBinaryFormat: true }).getUser({ id })), Code.Unknown, "415: only JSON is spoken");
const patient = await by_post.getUser({ id }, { timeoutMs: 5000 });
assert.equal(patient.user.id, id);
let late;  // the client's timer and the server's answer race
for (let tries = 0; late !== Code.DeadlineExceeded && tries < 1000; ++tries) {
  late = await code_of(by_post.getUser({ id }, { timeoutMs: 0.0001 }));
  assert.ok(late === undefined || late === Code.DeadlineExceeded, `a late answer is ${late}`);
}
assert.equal(late, Code.DeadlineExceeded);

// Without a client: what the query of a GET may say.
const ask = async (query) => {
  const answer = await fetch(`${baseUrl}/user.v1.UserService/GetUser?${query}`);
  return [answer.status, answer.headers.get("content-type")?.startsWith("application/json") ? await answer.json() : await answer.text()];
};
const message = JSON.stringify({ id });
assert.equal((await ask(`connect=v1&encoding=json&base64=1&message=${Buffer.from(message).toString("base64url")}`))[1].user.id, id);
assert.equal((await ask("connect=v1&encoding=json&base64=1&message=~"))[0], 400);
assert.equal((await ask("connect=v1&encoding=json"))[1].code, "invalid_argument");
assert.equal((await ask(`connect=v1&encoding=proto&message=${encodeURIComponent(message)}`))[0], 415);
assert.equal((await ask(`connect=v1&encoding=json&compression=gzip&message=${encodeURIComponent(message)}`))[1].code, "unimplemented");
assert.equal((await fetch(`${baseUrl}/user.v1.UserService/CreateUser?connect=v1&encoding=json&message=%7B%7D`)).status, 405,
             "a method with side effects takes no GET");
console.log("the Connect client is content");
