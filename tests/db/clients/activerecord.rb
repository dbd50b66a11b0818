# SPDX-License-Identifier: MIT
# What `rails db:create`, a test and parallel tests (NAME-0, NAME-1) do.
require "active_record"

def config(name)
  ActiveRecord::DatabaseConfigurations::HashConfig.new("test", "primary",
    { adapter: "postgresql", host: ENV["PGHOST"], port: ENV["PGPORT"], username: ENV["PGUSER"], password: ENV["PGPASSWORD"], database: name })
end

def tasks(name)
  ActiveRecord::Tasks::PostgreSQLDatabaseTasks.new(config(name))
end

ENV["RAILS_ENV"] = "test"
begin # `rails db:create` where the database is there already
  tasks("mes_e2e_db").create
  raise "mes_e2e_db was created"
rescue ActiveRecord::DatabaseAlreadyExists
end
%w[0 1].each do |i|
  tasks("mes_e2e_db-#{i}").create
  tasks("mes_e2e_db-#{i}").purge
  ActiveRecord::Base.establish_connection(config("mes_e2e_db-#{i}").configuration_hash)
  raise i unless ActiveRecord::Base.connection.current_database == "mes_e2e_db-#{i}"
  ActiveRecord::Base.connection.create_table(:items) { |t| t.string :name }
end
ActiveRecord::Base.establish_connection(config("mes_e2e_db").configuration_hash)
db = ActiveRecord::Base.connection
raise db.current_database unless db.current_database == "mes_e2e_db"
raise "a neighbour's table" if db.table_exists?(:items)
db.create_table(:items) { |t| t.string :name }
class Item < ActiveRecord::Base; end
Item.create!(name: "x")
raise "columns" unless Item.count == 1 && Item.column_names == %w[id name]
db.exec_query("insert into landed values ($1)", "landing", [ActiveRecord::Relation::QueryAttribute.new("cell", ENV["LANDING"], ActiveRecord::Type::String.new)])
db.drop_table(:items)
%w[0 1].each { |i| tasks("mes_e2e_db-#{i}").drop }
