// SPDX-License-Identifier: MIT
import java.sql.*;
import java.util.*;

class jdbc {
	public static void main(String[] args) throws Exception {
		String base = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/";
		Properties who = new Properties();
		who.setProperty("user", System.getenv("PGUSER"));
		who.setProperty("password", System.getenv("PGPASSWORD"));
		who.setProperty("sslmode", System.getenv("PGSSLMODE"));
		try (Connection db = DriverManager.getConnection(base + "mes_e2e_db", who)) {
			check(db.getCatalog().equals("mes_e2e_db"), "getCatalog");
			Set<String> catalogs = new TreeSet<>();
			for (ResultSet r = db.getMetaData().getCatalogs(); r.next();)
				catalogs.add(r.getString(1));
			check(catalogs.contains("mes_e2e_db") && catalogs.stream().noneMatch(c -> c.startsWith("mes_e2e_db_")), "getCatalogs " + catalogs);
			try (ResultSet r = db.getMetaData().getTables("mes_e2e_db", null, "witness", null)) {
				check(r.next(), "getTables");
			}
			PreparedStatement one = db.prepareStatement("select datname from pg_database where datname = ?");
			for (int i = 0; i < 8; i++) { // from the fifth time on it has a name
				one.setString(1, "mes_e2e_db");
				ResultSet r = one.executeQuery();
				check(r.next() && r.getString(1).equals("mes_e2e_db"), "datname");
			}
			PreparedStatement landing = db.prepareStatement("insert into landed values (?)");
			landing.setString(1, System.getenv("LANDING"));
			landing.execute();
			db.createStatement().execute("create database jdbc_made");
			DriverManager.getConnection(base + "jdbc_made", who).close();
			db.createStatement().execute("drop database jdbc_made");
		}
	}

	static void check(boolean good, String what) {
		if (!good)
			throw new AssertionError(what);
	}
}
