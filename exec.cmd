@rem `npm start` says `exec node ...`, so that no shell stands between npm and the
@rem server and signals arrive. cmd.exe knows no exec: this stands in for it.
@%*
