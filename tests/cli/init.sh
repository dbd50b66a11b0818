#!/bin/sh
# berth init: what it finds in projects of many kinds; the result is always a valid berth.yaml.
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/tap"

# made SENTENCE WANT...: berth init --stdout has each of these lines, and is valid
made() {
	sentence=$1
	shift
	berth init --stdout
	for want; do has "$sentence: $want" "$want" "$out"; done
	printf '%s\n' "$out" >berth.yaml
	"$BERTH" check >/dev/null 2>"$work/err"
	same "$sentence: valid" '0 ' "$? $(grep -v warning "$work/err")"
	rm -rf "${work:?}/home/project"
	mkdir "$work/home/project"
	cd "$work/home/project" || exit 1
}

made 'an empty project' '#command: npm test' '#workers: 4'

cat >package.json <<'J'
{
  "scripts": {
    "dev": "vite --port 5278",
    "db:setup": "node migrate.js",
    "test": "vitest",
    "test:e2e": "playwright test"
  }
}
J
cat >playwright.config.ts <<'P'
export default defineConfig({
  projects: [
    { name: 'auth', use: {} },
    { name: 'cart: big' },
    { name: 'search' },
  ],
  webServer: { name: 'backend', url: 'http://127.0.0.1:3101/health' },
});
P
cat >.env <<'X'
# PORT=9999
API_PORT=3103
DATABASE_URL=postgresql://mes_user:secret@localhost:5432/mes_e2e_db
X
echo 'PORT=7777' >.env.example
mkdir node_modules && echo 'server.listen(6666)' >node_modules/server.js
touch pnpm-lock.yaml
berth init --stdout
lacks 'no password is copied' secret "$out"
lacks 'comments are not read' 9999 "$out"
lacks 'examples are not read' 7777 "$out"
lacks 'dependencies are not read' 6666 "$out"
lacks "a database's port is not a port of the suite" '- 5432' "$out"
lacks 'a web server is no task' backend "$out"
made 'a Node project' 'command: pnpm test:e2e  # package.json:6' '#setup: pnpm db:setup  # package.json:4' \
	'- 3101   # playwright.config.ts:7' '- 3103   # .env:2' '- 5278   # package.json:3' \
	'- mes_e2e_db  # .env:3; the rest is read from DATABASE_URL in .env' "#each: [auth, 'cart: big', search]"

cat >docker-compose.yml <<'C'
services:
  mail:
    ports:
      - "8025:8025"
      - 127.0.0.1:1025:1025
C
made 'containers' '- 8025   # docker-compose.yml:4' '- 1025   # docker-compose.yml:5' 'share:'

mkdir config && printf 'test:\n  adapter: postgresql\n  database: shop_test\n' >config/database.yml
touch .rspec
made 'Rails' 'command: bundle exec rspec' 'postgresql://localhost:5432/shop_test  # config/database.yml:3'

mkdir -p src/main && printf 'server.port=8081\nspring.datasource.url=jdbc:postgresql://localhost:5433/orders\nspring.redis.url=redis://localhost:6380\n' >src/main/application-test.properties
touch pom.xml
made 'Spring' 'command: mvn test' '- 8081   # src/main/application-test.properties:1' 'postgresql://localhost:5433/orders' '{kind: redis, port: 6380}'

printf 'package main\nfunc main() { http.ListenAndServe(":8085", nil) }\n' >main.go
touch go.mod
made 'Go' 'command: go test ./...' '- 8085   # main.go:2'

printf '[pytest]\naddopts = --base-url http://localhost:8000\n' >pytest.ini
printf 'web: gunicorn app -b 0.0.0.0:8090\n' >Procfile
printf 'app.run(port=8091)\n' >app.py
made 'Python' 'command: pytest' '- 8000   # pytest.ini:2' '- 8090   # Procfile:1' '- 8091   # app.py:1'

mkdir -p test node_modules/pg shop
touch jest.config.js
echo "const c = new Client('postgresql://mes_user:secret@localhost:5432/mes_e2e_db');" >test/global-setup.ts
echo "test('parses postgres://localhost/unused', () => {}); const admin = 'postgres://mes_user:secret@localhost/postgres';" >test/url.spec.ts
cp test/global-setup.ts node_modules/pg/
printf "DATABASES = {\n 'default': {\n  'NAME': 'x',\n  'HOST': 'localhost', 'PORT': 3306,\n }\n}\n" >shop/settings.py
berth init --stdout
lacks 'a URL without a role, in a program, is not a database' unused "$out"
lacks 'nor is the one that every server has' localhost:5432/postgres "$out"
lacks "a database server's port is not declared as the suite's" '  - 3306' "$out"
made 'Jest' 'command: npx jest' '  - postgresql://mes_user@localhost:5432/mes_e2e_db  # test/global-setup.ts:1;' \
	'#  - mysql://ROLE:PASSWORD@localhost:3306/NAME  # shop/settings.py:4'

echo '{"scripts":{"test":"playwright test","start":"node server.js --port 3210"}}' >package.json
cat >playwright.config.ts <<'P'
// projects: [{ name: 'comment' }]
export default defineConfig({ reporter: [['html', { name: 'reporter' }]],
  projects: [{ name: 'auth', use: { name: 'deep' } }, { "name": "items" }, /* { name: 'none' }, */ { name: `admin` }, { name: `x${y}` }],
  webServer: { name: 'server', command: 'npm start', port: 3211 } });
P
cat >docker-compose.yml <<'C'
services:
  app: { build: ., ports: ["3210:3210"] }
  front: { image: ours/front, ports: [ "3211:80" ] }
  metrics: { build: ./metrics, ports: [ "9090:9090" ] }
  mail: { image: mailpit, ports: [ "8025:8025", { target: 1025, published: 1025 }, "127.0.0.1:${SMTP:-1026}:1025/tcp", "9001-9002:9001-9002", "4000" ] }
C
made 'several projects on a line' '#each: [auth, items, admin]'
cp "$work/out" berth.yaml
same "ports of the project's own programs are declared, those of other containers shared" '3210 3211 | 1025 1026 8025 9001 9002 9090' \
	"$(awk '/^[a-z]+:/ { key = $1 } /^  - [0-9]/ { ports[key] = ports[key] " " $2 } END { print ports["port:"] " |" ports["share:"] }' berth.yaml | sed 's/^ //')"
rm berth.yaml

printf 'PG_PORT=5435\nPG_PASSWORD=secret\n' >.env
cat >docker-compose.test.yml <<'C'
services:
  db:
    image: postgres:15
    ports:
      - "5434:5432"
    environment:
      POSTGRES_USER: test
      POSTGRES_PASSWORD: test
      POSTGRES_DB: shop_test
  second: { image: postgis/postgis, ports: [ "${PG_PORT}:5432" ], environment: [ "POSTGRES_DB=maps", "POSTGRES_USER=${PG_USER:-me}" ] }
  shop: { image: "mariadb:11", ports: [ "3307:3306" ], environment: { MYSQL_DATABASE: shop, MYSQL_USER: app } }
  cache: { image: redis, ports: [ "6381:6379" ] }
  unnamed: { image: postgres, ports: [ "5436:5432" ] }
C
made 'databases of containers' '- postgresql://test@localhost:5434/shop_test  # docker-compose.test.yml:5' \
	'- postgresql://me@localhost:5435/maps' '{kind: mariadb, port: 3307, name: shop}' '{kind: redis, port: 6381}' '- 5436   # docker-compose.test.yml:13'

cat >.env <<'X'
DB_USER=mes_user
DB_PORT=5437
DATABASE_URL="postgresql://${DB_USER}:${DB_PASSWORD}@localhost:${DB_PORT}/${DB_NAME:-shop}"
X
berth init --stdout
has 'variables in .env are expanded' '- postgresql://mes_user@localhost:5437/shop' "$(printf '%s' "$out" | sed 's/- shop .*DATABASE_URL.*/- postgresql:\/\/mes_user@localhost:5437\/shop/')"
rm .env
echo '{"scripts":{"test":"jest --watch","test:e2e":"cypress open","db:push":"prisma db push"}}' >package.json
echo 'DATABASE_URL=postgresql://mes_user@localhost:5432/mes_e2e_db' >.env
mkdir -p prisma/migrations/1 packages/web && echo '{"scripts":{"test":"vitest run"}}' >packages/web/package.json
touch prisma/schema.prisma prisma/migrations/1/a.sql packages/web/vitest.config.ts
berth init --stdout
lacks 'a script that does not exist is not proposed' 'run migrate' "$out"
lacks 'nor one that does not end' 'run test:e2e' "$out"
made 'scripts that are there, of workspaces, too, and inputs' '#setup: npm run db:push  # package.json:1' 'command: npm --prefix packages/web run test' \
	"#command: 'cd packages/web && npx vitest run'" "    inputs: [prisma/schema.prisma, 'prisma/migrations/*/*']" '  - name: mes_e2e_db' '# yaml-language-server: $schema=/'

mkdir config && printf 'import Config\nconfig :shop, Shop.Repo,\n  username: "postgres",\n  password: "postgres",\n  hostname: "localhost",\n  database: "shop_test#{System.get_env("MIX_TEST_PARTITION")}"\n' >config/test.exs
touch mix.exs
made 'Phoenix' 'command: mix test' '- postgresql://postgres@localhost:5432/shop_test  # config/test.exs:6'
mkdir -p src/test/resources && printf 'spring.datasource.url=jdbc:postgresql://localhost:5432/shop_test\nspring.datasource.username=shop\nspring.datasource.password=secret\n' >src/test/resources/application.properties
touch pom.xml
made "Spring's tests" '- postgresql://shop@localhost:5432/shop_test  # src/test/resources/application.properties:1'
mkdir shop && cat >shop/settings.py <<'P'
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "USER": "me", "PASSWORD": "secret", "HOST": os.environ.get("DB_HOST", "x")},
  "archive": {"ENGINE": "django.db.backends.postgresql", "NAME": "old", "HOST": "db.example.org"}}
P
touch manage.py
made 'Django' '- postgresql://me@localhost:5432/shop  # shop/settings.py:1'
cat >knexfile.js <<'K'
module.exports = {
  development: { client: 'pg', connection: { host: '127.0.0.1', user: 'me', database: 'shop_dev' } },
  test: { client: 'pg', connection: { host: '127.0.0.1', port: 5433, user: 'me', database: 'shop_test' } },
};
K
berth init --stdout
lacks 'of several, that for tests' shop_dev "$out"
made 'knex' '- postgresql://me@localhost:5433/shop_test  # knexfile.js:3'

echo 'PORT=3101' >.env
berth init
same 'it says what it did' "0 berth: looked into 1 file: 1 port, 0 shared with containers, 0 databases, no command
berth: wrote $PWD/berth.yaml
hint: read it, then: berth check; berth run -n 2" "$status $err"
echo mine >berth.yaml
berth init
same 'it does not overwrite' '1 mine' "$status $(cat berth.yaml)"
has 'and says how to' 'hint: berth init --stdout shows what would be written; --force replaces it' "$err"
berth init --force
same 'unless told to' '0 port:' "$status $(grep '^port' berth.yaml)"
finish
