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
	'- mes_e2e_db  # .env:3; the rest is read from DATABASE_URL in .env' '#each: [auth, search]'

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
