# SPDX-License-Identifier: ISC
"""The web servers that lotscribe is meant to stand behind, each with the file of conf/web/ that users get.

Owns: a private lighttpd, nginx and Apache (mod_proxy_fcgi, mod_fcgid): the configuration around the shipped file
(loopback, a free port, logs and temporary files in the work folder, a site of the host's own), start and stop.
Promises: the shipped file is used as it is, but for the paths of this installation and the base path, which are
exchanged where the file says so.
Does not: use or touch the system's own servers and their files.
"""
import os
import re
from pathlib import Path
from typing import Dict, List, Type

from .process import HarnessError, Process, free_port, socket_path, wait_until
from .servers import listens, program_path

CONF = Path(__file__).resolve().parents[2] / "conf" / "web"
APACHE_MODULES = Path("/usr/lib/apache2/modules")

SHIPPED_SOCKET = "/run/lotscribe/fcgi.sock"
SHIPPED_PROGRAM = "/usr/libexec/lotscribe/lotscribe.fcgi"
SHIPPED_CONFIG = "/etc/lotscribe/lotscribe.conf"
SHIPPED_TEXTS = "/usr/share/lotscribe/web/"

# A page of the site that the host has besides.
PAGE = "A page of the host's own.\n"

# Apache does not run as root. These capabilities let it reach the folder of the tests all the same, and what it
# starts in turn; they are asked for where there are any.
NOBODY = 65534
CAPABILITIES = {1: "dac_override", 19: "sys_ptrace"}


def _as_user() -> List[str]:
    """Before a server of several processes: root becomes an ordinary user, and the death of the harness a SIGTERM,
    as SIGKILL would leave the server's children."""
    line = [program_path("setpriv"), "--pdeathsig", "TERM"]
    if os.geteuid() == 0:
        effective = int(re.search(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text())[1], 16)
        wanted = ",".join(f"+{name}" for bit, name in CAPABILITIES.items() if effective >> bit & 1)
        line += [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        line += [f"--inh-caps={wanted}", f"--ambient-caps={wanted}"] if wanted else []
    return line


class WebServer(Process):
    """One web server in front of lotscribe, with a page of the host's own at /page.txt.

    socket  the front end's; what starts front ends itself takes `program` and `config` instead
    """

    name = ""
    files: List[str] = []       # of conf/web/

    def __init__(self, work: Path, log: Path, socket: str, program: Path, config: Path, base_path: str = "") -> None:
        self.work = Path(work)
        self.root = self.work / "www"
        for folder in (self.root, self.work / "tmp"):
            folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(self.work / "tmp", NOBODY, NOBODY)
        (self.root / "page.txt").write_text(PAGE)
        self.port = free_port()
        self.access_log = self.work / "tmp" / "access.log"
        self.exchanged = {SHIPPED_SOCKET: socket, SHIPPED_PROGRAM: str(program),
                          os.path.dirname(SHIPPED_PROGRAM): str(program.parent), SHIPPED_CONFIG: str(config), SHIPPED_TEXTS: f"{CONF}/",
                          "# access_log /var/log/nginx/access.log": f"access_log {self.access_log}"}
        self.base_path = base_path
        super().__init__(self.name, self.command(), log)

    def command(self) -> List[str]:
        raise NotImplementedError

    def around(self) -> str:
        """The server's main configuration, which includes those of the shipped files."""
        raise NotImplementedError

    def start(self) -> "WebServer":
        for name in self.files:
            (self.work / name).write_text(self._shipped(name))
        (self.work / "main.conf").write_text(self.around())
        super().start()
        wait_until(lambda: listens(self.port), 20, f"{self.name} to listen on port {self.port}", alive=[self])
        return self

    def _shipped(self, name: str) -> str:
        text = (CONF / name).read_text()
        for path, own in self.exchanged.items():
            text = text.replace(f'{path}', own)
        if self.base_path:
            text, found = re.subn(r'(\^|ProxyPass "|AliasMatch "\^|%m )/', rf"\g<1>{self.base_path}/", text)
            if not found and "-log" not in name:
                raise HarnessError(f"{name} has no path to put {self.base_path} before")
        return text


class Lighttpd(WebServer):
    name = "lighttpd"
    files = ["lighttpd.conf", "lighttpd-deflate.conf", "lighttpd-log.conf"]

    def command(self) -> List[str]:
        return [program_path("lighttpd"), "-D", "-f", str(self.work / "main.conf")]

    def around(self) -> str:
        includes = "\n".join(f'include "{self.work / name}"' for name in self.files)
        # The parse options are Debian's.
        return f"""\
server.modules = ( "mod_fastcgi", "mod_accesslog" )
accesslog.filename = "{self.access_log}"
server.document-root = "{self.root}"
server.upload-dirs = ( "{self.work / "tmp"}" )
server.bind = "127.0.0.1"
server.port = {self.port}
server.http-parseopts = (
	"header-strict" => "enable", "host-strict" => "enable", "host-normalize" => "enable",
	"url-normalize-unreserved" => "enable", "url-normalize-required" => "enable", "url-ctrls-reject" => "enable",
	"url-path-2f-decode" => "enable", "url-path-dotseg-remove" => "enable"
)
mimetype.assign = ( ".txt" => "text/plain" )
{includes}
"""


class Nginx(WebServer):
    name = "nginx"
    files = ["nginx.conf", "nginx-log.conf"]

    def command(self) -> List[str]:
        return [*_as_user(), program_path("nginx"), "-p", str(self.work), "-e", "stderr",
                "-c", str(self.work / "main.conf")]

    def around(self) -> str:
        paths = "\n".join(f"\t{kind}_temp_path {self.work / 'tmp' / kind};"
                          for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return f"""\
daemon off;
worker_processes 1;
pid {self.work / "tmp" / "pid"};
events {{ worker_connections 1024; }}
http {{
{paths}
	access_log {self.access_log};
	include {self.work / "nginx-log.conf"};
	types {{ text/plain txt; }}
	server {{
		listen 127.0.0.1:{self.port};
		root {self.root};
		include {self.work / "nginx.conf"};
	}}
}}
"""


class Apache(WebServer):
    """What both flavours share: mpm_event with Debian's settings, but for a short keep-alive: where an answer is
    broken off, the client learns it at the end of that."""

    modules: List[str] = []

    def command(self) -> List[str]:
        return [*_as_user(), program_path("apache2"), "-DFOREGROUND", "-f", str(self.work / "main.conf")]

    def own(self) -> str:
        """What this flavour's modules need beside the shipped file."""
        return ""

    def around(self) -> str:
        modules = ["mpm_event", "authz_core", "alias", "mime", "dir", "env", "filter", "deflate", "reqtimeout", "headers", "setenvif",
                   *self.modules]
        loads = "\n".join(f"LoadModule {name}_module {APACHE_MODULES / f'mod_{name}.so'}" for name in modules)
        return f"""\
{loads}
ServerName localhost
ServerRoot {self.work}
DefaultRuntimeDir {self.work / "tmp"}
PidFile {self.work / "tmp" / "pid"}
Mutex file:{self.work / "tmp"} default
ErrorLog /dev/stderr
LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{{Referer}}i\\" \\"%{{User-Agent}}i\\"" combined
CustomLog {self.access_log} combined
Listen 127.0.0.1:{self.port}
KeepAliveTimeout 1
RequestReadTimeout header=20-40,minrate=500 body=10,minrate=500
TypesConfig /dev/null
AddType text/plain .txt
DocumentRoot {self.root}
<Directory />
	AllowOverride None
	Require all denied
</Directory>
<Directory {self.root}>
	Require all granted
</Directory>
{self.own()}
{chr(10).join(f"Include {self.work / name}" for name in self.files)}
"""


class ApacheProxy(Apache):
    name = "apache-proxy-fcgi"
    files = ["apache-proxy-fcgi.conf", "apache-log.conf"]
    modules = ["proxy", "proxy_fcgi"]


class ApacheFcgid(Apache):
    """Starts its front ends itself."""

    name = "apache-fcgid"
    files = ["apache-fcgid.conf", "apache-log.conf"]
    modules = ["fcgid"]

    def own(self) -> str:
        return (f"FcgidIPCDir {os.path.dirname(socket_path(self.work / 'tmp', 'fcgid.1234567.1234567'))}\n"
                f"FcgidProcessTableFile {self.work / 'tmp' / 'fcgid_shm'}")


WEB_SERVERS: Dict[str, Type[WebServer]] = {kind.name: kind for kind in (Lighttpd, Nginx, ApacheProxy, ApacheFcgid)}
