dnl SPDX-License-Identifier: ISC
dnl
dnl LS_APPEND_CFLAG(VARIABLE, FLAG): appends FLAG to VARIABLE where the compiler takes it.
dnl -Werror makes clang refuse what it would only warn of (an unknown warning option).
AC_DEFUN([LS_APPEND_CFLAG], [
	AS_VAR_PUSHDEF([cache], [ls_cv_cflag_$2])
	AC_CACHE_CHECK([whether $CC accepts $2], [cache], [
		ls_save_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror $2"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
			[AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
		CFLAGS=$ls_save_CFLAGS
	])
	AS_VAR_IF([cache], [yes], [AS_VAR_APPEND([$1], [" $2"])])
	AS_VAR_POPDEF([cache])
])

dnl LS_APPEND_LDFLAG(VARIABLE, FLAG): the same for a flag of the linker.
AC_DEFUN([LS_APPEND_LDFLAG], [
	AS_VAR_PUSHDEF([cache], [ls_cv_ldflag_$2])
	AC_CACHE_CHECK([whether the linker accepts $2], [cache], [
		ls_save_LDFLAGS=$LDFLAGS
		LDFLAGS="$LDFLAGS $2"
		AC_LINK_IFELSE([AC_LANG_PROGRAM()],
			[AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
		LDFLAGS=$ls_save_LDFLAGS
	])
	AS_VAR_IF([cache], [yes], [AS_VAR_APPEND([$1], [" $2"])])
	AS_VAR_POPDEF([cache])
])

dnl LS_WARNINGS: sets WARN_CFLAGS; each warning is probed, so that clang builds too.
AC_DEFUN([LS_WARNINGS], [
	WARN_CFLAGS=
	m4_foreach_w([flag], [
		-Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
		-Wold-style-definition -Wvla -Wundef -Wformat=2 -Wwrite-strings -Wcast-qual
		-Wpointer-arith -Wconversion -Wsign-conversion -Wswitch-enum -Wimplicit-fallthrough
		-Wnull-dereference -Wduplicated-cond -Wduplicated-branches -Wlogical-op
		-Wjump-misses-init -Walloca -Wdate-time
		-Werror=implicit -Werror=incompatible-pointer-types -Werror=return-type],
		[LS_APPEND_CFLAG([WARN_CFLAGS], flag)])
	AC_SUBST([WARN_CFLAGS])
])

dnl LS_HARDENING: sets HARDEN_CFLAGS and HARDEN_LDFLAGS. _FORTIFY_SOURCE is the distribution's to
dnl set (dpkg-buildflags): it needs optimisation, which is the builder's choice.
AC_DEFUN([LS_HARDENING], [
	HARDEN_CFLAGS= HARDEN_LDFLAGS=
	m4_foreach_w([flag], [-fstack-protector-strong -fPIE],
		[LS_APPEND_CFLAG([HARDEN_CFLAGS], flag)])
	LS_APPEND_LDFLAG([HARDEN_LDFLAGS], [-pie])
	LS_APPEND_LDFLAG([HARDEN_LDFLAGS], [-Wl,-z,relro])
	LS_APPEND_LDFLAG([HARDEN_LDFLAGS], [-Wl,-z,now])
	AC_SUBST([HARDEN_CFLAGS])
	AC_SUBST([HARDEN_LDFLAGS])
])
