-- SPDX-License-Identifier: ISC
-- A database on this machine's server and the accounts of the two programs, which log in by the socket as the users of
-- the same name: no passwords. Run by `batchctl setup`, which puts the names in. Safe to repeat.
CREATE DATABASE IF NOT EXISTS :database CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS :front_user IDENTIFIED VIA unix_socket;
CREATE USER IF NOT EXISTS :daemon_user IDENTIFIED VIA unix_socket;
USE :database;
